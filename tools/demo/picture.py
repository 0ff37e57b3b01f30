"""One picture of what PseudoSeg makes of unlabelled scenes."""

from pathlib import Path
from typing import List, Tuple

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402
from mmengine.config import Config  # noqa: E402
from mmengine.runner import load_checkpoint  # noqa: E402
from mmseg.datasets import BaseSegDataset  # noqa: E402
from mmseg.registry import MODELS  # noqa: E402
from torch.nn.functional import interpolate  # noqa: E402

from mmseg_pseudoseg.datasets import multi_branch_collate  # noqa: E402

TITLES = ('weak view', 'strong view', 'Grad-CAM', 'SGC map', 'decoder',
          'pseudo label', 'ground truth')


def load_scenes(cfg: Config, count: int) -> dict:
    """Validation scenes, seen as unlabelled ones are, with their masks.

    Args:
        cfg (Config): Config of PseudoSeg with tags.
        count (int): How many.

    Returns:
        dict: A batch, as the data preprocessor takes it; views ``weak``,
        ``strong`` and ``labeled`` (the weak view with the mask).
    """
    views = cfg.train_dataloader.dataset.unlabeled.pipeline[-1]
    args = dict(cfg.val_dataloader.dataset)
    args.pop('type')
    args['pipeline'] = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations'),
        dict(type='RandomCrop', crop_size=cfg.crop_size),
        dict(views, labeled=[dict(type='PackSemiInputs')])
    ]
    dataset = BaseSegDataset(**args)
    np.random.seed(0)
    return multi_branch_collate([dataset[i] for i in range(count)])


@torch.no_grad()
def columns(model: torch.nn.Module, batch: dict) -> Tuple[List, int]:
    """The picture's columns.

    Args:
        model (nn.Module): ``SemiSegmentor`` with image-level labels.
        batch (dict): Of :func:`load_scenes`.

    Returns:
        tuple: One array for each of :data:`TITLES`, of N images each: RGB
        (N, H, W, 3) or class ids (N, H, W), and the number of classes.
    """
    images = [
        batch['inputs'][view].flip(1).permute(0, 2, 3, 1).numpy()
        for view in ('weak', 'strong')
    ]
    data = model.data_preprocessor(batch, True)
    masks = torch.stack(
        [s.gt_sem_seg.data for s in data['data_samples']['labeled']])[:, 0]
    model.eval()
    feats = model.extract_feat(data['inputs']['weak'])
    sgc = model.sgc_head(feats, model.sgc_head.image_labels(masks.long()))
    decoder = model.decode(feats)
    label, _ = model.pseudo_label(decoder, sgc.logits)

    def classes(scores: torch.Tensor) -> np.ndarray:
        return interpolate(
            scores, masks.shape[1:], mode='bilinear',
            align_corners=True).argmax(1).numpy()

    heat = interpolate(
        sgc.cam.amax(1, keepdim=True), masks.shape[1:], mode='bilinear',
        align_corners=True)[:, 0].numpy()
    heat = plt.get_cmap('magma')(heat)[..., :3]
    cam = (0.35 * images[0] / 255 + 0.65 * heat)
    return [*images, cam, classes(sgc.logits), classes(decoder),
            classes(label), masks.numpy()], model.num_classes


def draw_picture(cfg: Config, path: Path, count: int = 4) -> Path:
    """Draw ``count`` validation scenes.

    Args:
        cfg (Config): Config of PseudoSeg with tags, whose ``work_dir`` holds
            the trained network.
        path (Path): File to write.
        count (int): Rows.

    Returns:
        Path: The file.
    """
    model = MODELS.build(cfg.model)
    last = (Path(cfg.work_dir) / 'last_checkpoint').read_text().strip()
    load_checkpoint(model, last, map_location='cpu', logger='silent')
    content, num_classes = columns(model, load_scenes(cfg, count))
    palette = np.zeros((256, 3), np.uint8)
    palette[:num_classes] = cfg.palette
    palette[255] = 255
    figure, axes = plt.subplots(
        count, len(TITLES), figsize=(1.9 * len(TITLES), 1.9 * count + 0.7),
        squeeze=False)
    for column, (title, images) in enumerate(zip(TITLES, content)):
        axes[0, column].set_title(title)
        for row in range(count):
            image = images[row]
            axes[row, column].imshow(
                palette[image] if image.ndim == 2 else image)
            axes[row, column].axis('off')
    figure.legend(
        handles=[Patch(facecolor=np.array(colour) / 255, label=name)
                 for name, colour in zip(cfg.classes, cfg.palette)],
        loc='lower center', ncol=num_classes, frameon=False)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(path, dpi=90)
    plt.close(figure)
    return path
