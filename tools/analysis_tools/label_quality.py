"""Are the pseudo labels right? Decoder, SGC and fused label against masks."""

import argparse
import sys
from pathlib import Path
from typing import Dict, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _cli  # noqa: E402,F401  isort: skip  (finds and registers the package)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from mmengine.config import Config, DictAction  # noqa: E402
from mmengine.registry import init_default_scope  # noqa: E402
from mmengine.runner import load_checkpoint  # noqa: E402
from mmseg.models import SegDataPreProcessor  # noqa: E402
from mmseg.models.utils import resize  # noqa: E402
from mmseg.registry import DATASETS, MODELS  # noqa: E402
from prettytable import MARKDOWN, PrettyTable  # noqa: E402
from torch import Tensor  # noqa: E402

IGNORE = 255


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='Reads the masks of unlabelled images, in the folder that the '
        "config's unlabelled part names: for studies on data whose masks are "
        'hidden from training.')
    parser.add_argument('config', help='a config of SemiSegmentor')
    parser.add_argument('checkpoint')
    parser.add_argument('--num', type=int, default=192,
                        help='images, drawn with seed 0 (default: '
                        '%(default)s)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        metavar='KEY=VALUE', help='override keys')
    return parser.parse_args()


def weak_views(cfg: Config, num: int) -> List[dict]:
    """Weak views of unlabelled images with their masks.

    Args:
        cfg (Config): A config of ``SemiSegmentor``.
        num (int): How many.

    Returns:
        list[dict]: Samples as ``PackSegInputs`` makes them.
    """
    part = cfg.train_dataloader.dataset.unlabeled
    geometry = [
        step for step in part.pipeline
        if step['type'].startswith('Random')
    ]
    part.pipeline = [
        dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
        *geometry, dict(type='PackSegInputs')
    ]
    dataset = DATASETS.build(part)
    np.random.seed(0)
    return [dataset[int(i)] for i in np.random.permutation(len(dataset))[:num]]


@torch.no_grad()
def predict(model: torch.nn.Module, inputs: Tensor,
            masks: Tensor) -> Tuple[Dict[str, Tensor], Tensor, Tensor]:
    """What each source says at the masks' size.

    Args:
        model (nn.Module): ``SemiSegmentor``; image-level labels come from
            the masks where it uses them.
        inputs (Tensor): (N, 3, H, W), normalised.
        masks (Tensor): (N, H, W).

    Returns:
        tuple: Classes (N, H, W) of each source, 255 where the fused label
        has no weight in ``kept``; the classifier's decisions and the truth,
        (2, N, C-1).
    """
    truth = model.sgc_head.image_labels(masks)
    feats = model.extract_feat(inputs)
    sgc = model.sgc_head(feats, truth if model.use_image_labels else None,
                         (masks != IGNORE)[:, None])
    logits = model.decode(feats)
    fused, weight = model.pseudo_label(logits, sgc.logits)
    maps = dict(decoder=logits, sgc=sgc.logits, fused=fused)
    labels = {
        name: resize(value, masks.shape[1:], mode='bilinear',
                     align_corners=True).argmax(dim=1)
        for name, value in maps.items()
    }
    weight = resize(weight, masks.shape[1:], mode='nearest')[:, 0]
    labels['kept'] = labels['fused'].masked_fill(weight == 0, IGNORE)
    decided = (sgc.cls_logits >= 0).float()
    return labels, decided, truth


def count(labels: Tensor, masks: Tensor, num_classes: int) -> np.ndarray:
    """Confusion matrix, rows the truth, of pixels with label and mask."""
    both = (labels != IGNORE) & (masks != IGNORE)
    flat = masks[both] * num_classes + labels[both]
    return np.bincount(flat.cpu().numpy(), minlength=num_classes**2).reshape(
        num_classes, num_classes)


def row(name: str, confusion: np.ndarray, pixels: int) -> List[str]:
    """A line of the table, in per cent."""
    right = np.diag(confusion)
    union = confusion.sum(0) + confusion.sum(1) - right
    iou = right[union > 0] / union[union > 0]
    total = max(confusion.sum(), 1)
    values = (total / pixels, right.sum() / total, iou.mean(),
              confusion[:, 1:].sum() / total, confusion[1:].sum() / total)
    return [name, *(f'{100 * value:.1f}' for value in values)]


def load(args: argparse.Namespace) -> Tuple[Config, torch.nn.Module]:
    """The config, and its network as the weak pass runs it."""
    cfg = Config.fromfile(args.config)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    init_default_scope(cfg.default_scope)
    if 'sgc_head' not in cfg.model:
        raise SystemExit(f'error: {args.config}: model.sgc_head is missing; '
                         'pseudo labels need a SemiSegmentor')
    model = MODELS.build(cfg.model)
    load_checkpoint(model, args.checkpoint, map_location='cpu', strict=True)
    model.eval()
    model.sgc_head.norm.train()  # its own batch, as in training
    return cfg, model


def measure(model: torch.nn.Module, samples: List[dict],
            size: int) -> Tuple[Dict[str, np.ndarray], Tensor, Tensor]:
    """Confusions of each source, decisions and truth of the classifier."""
    confusions: Dict[str, np.ndarray] = {}
    tags: List[Tuple[Tensor, Tensor]] = []
    for i in range(0, len(samples), size):
        batch = samples[i:i + size]
        data = SegDataPreProcessor.forward(model.data_preprocessor, {
            key: [sample[key] for sample in batch]
            for key in ('inputs', 'data_samples')
        }, True)
        masks = torch.stack(
            [s.gt_sem_seg.data[0] for s in data['data_samples']]).long()
        labels, decided, truth = predict(model, data['inputs'], masks)
        tags.append((decided, truth))
        for name, label in labels.items():
            confusions[name] = confusions.get(name, 0) + count(
                label, masks, model.num_classes)
    decided, truth = (torch.cat(parts) for parts in zip(*tags, strict=True))
    return confusions, decided, truth


def main() -> None:
    """Print the table."""
    args = parse_args()
    cfg, model = load(args)
    confusions, decided, truth = measure(
        model, weak_views(cfg, args.num), cfg.train_dataloader.batch_size)
    table = PrettyTable(['label', 'pixels', 'right', 'mIoU',
                         'foreground, labelled', 'foreground, true'])
    table.set_style(MARKDOWN)
    pixels = confusions['fused'].sum()
    for name, confusion in confusions.items():
        table.add_row(row(name, confusion, pixels))
    print(table)
    hits = (decided * truth).sum()
    print(f'classifier: precision {hits / decided.sum().clamp(min=1):.2f}, '
          f'recall {hits / truth.sum().clamp(min=1):.2f}, right in '
          f'{(decided == truth).float().mean():.3f} of all cases; "absent" '
          f'would be in {1 - truth.mean():.3f}')


if __name__ == '__main__':
    main()
