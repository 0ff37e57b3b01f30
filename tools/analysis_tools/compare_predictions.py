"""What do several checkpoints see in the same images? One picture."""

import argparse
import sys
from pathlib import Path
from typing import List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _cli  # noqa: E402,F401  isort: skip  (finds and registers the package)

import mmcv  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from _pictures import (  # noqa: E402
    class_patches,
    colours,
    legend,
    save,
    show,
)
from matplotlib.figure import Figure  # noqa: E402
from mmengine.config import Config  # noqa: E402
from mmengine.dataset import BaseDataset, pseudo_collate  # noqa: E402
from mmengine.device import get_device  # noqa: E402
from mmseg.apis import init_model  # noqa: E402
from mmseg.registry import DATASETS  # noqa: E402

from mmseg_pseudoseg.visualization import fill_palettes  # noqa: E402
from mmseg_pseudoseg.weights import (  # noqa: E402
    check_classes,
    load_checked,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='A row an image, a column a checkpoint, behind image and '
        'mask. The images are spread evenly over the list of '
        'test_dataloader: nobody picks them.')
    parser.add_argument('pairs', nargs='+', metavar='CONFIG CHECKPOINT',
                        help='each checkpoint behind its config')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE',
                        help='.png or .jpg')
    parser.add_argument('--number', type=int, default=5, metavar='N',
                        help='images (default: %(default)s)')
    args = parser.parse_args()
    if len(args.pairs) % 2:
        parser.error('give a checkpoint behind every config')
    if args.number < 1:
        parser.error('--number takes a positive number')
    return args


def load(config: str, checkpoint: str) -> Tuple[torch.nn.Module, BaseDataset]:
    """A network and the images of its test.

    Raises:
        SystemExit: If there is no such file, or they do not fit.
    """
    for path in (config, checkpoint):
        if not Path(path).is_file():
            raise SystemExit(f'error: {path}: no such file')
    cfg = Config.fromfile(config)
    fill_palettes(cfg)
    model = init_model(cfg, device=get_device())
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    try:
        check_classes(load_checked(model, checkpoint, config),
                      dataset.metainfo['classes'], checkpoint)
    except ValueError as error:
        raise SystemExit(f'error: {error}') from error
    return model, dataset


def images_of(dataset: BaseDataset) -> List[str]:
    """Paths of all images, in their order."""
    return [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]


@torch.no_grad()
def row(networks: List[tuple], index: int) -> List[np.ndarray]:
    """Image, mask and predictions.

    Args:
        networks (list[tuple]): Of :func:`load`.
        index (int): Position in the test list.

    Returns:
        list[np.ndarray]: The image, uint8, RGB, (H, W, 3), and labels,
        (H, W): the mask, then one prediction a network.
    """
    result = []
    for model, dataset in networks:
        sample = dataset[index]
        truth = sample['data_samples']
        if not result:
            result = [mmcv.imread(truth.img_path, channel_order='rgb'),
                      truth.gt_sem_seg.data[0].numpy()]
        done, = model.test_step(pseudo_collate([sample]))
        result.append(done.pred_sem_seg.data[0].cpu().numpy())
    return result


def draw(rows: List[List[np.ndarray]], names: List[str],
         meta: dict) -> Figure:
    """All rows, classes in their colours, ignored pixels white."""
    width = 1.9
    figure = Figure(
        figsize=(width * len(rows[0]), sum(
            width * len(image[0]) / image[0].shape[1] + 0.1
            for image in rows) + 0.7),
        layout='constrained')
    axes = figure.subplots(
        len(rows), len(rows[0]), squeeze=False,
        height_ratios=[len(one[0]) / one[0].shape[1] for one in rows])
    for line, content in zip(axes, rows):
        for panel, image in zip(line, content):
            show(panel, image if image.ndim == 3 else colours(meta)[image])
    for panel, title in zip(axes[0], ['image', 'mask', *names]):
        panel.set_title(title, fontsize=8)
    legend(figure, class_patches(meta, np.concatenate(
        [labels.ravel() for one in rows for labels in one[1:]])))
    return figure


def main() -> None:
    """Predict and draw."""
    args = parse_args()
    configs = args.pairs[::2]
    networks = [load(*pair) for pair in zip(configs, args.pairs[1::2])]
    dataset = networks[0][1]
    for config, (_, other) in zip(configs, networks):
        for what, one, two in (
            ('images', images_of(dataset), images_of(other)),
            ('classes', dataset.metainfo['classes'],
             other.metainfo['classes'])):
            if one != two:
                raise SystemExit(
                    f'error: {config}: the {what} of test_dataloader are not '
                    f'those of {configs[0]}; compare on one data set')
    number = min(args.number, len(dataset))
    places = np.linspace(0, len(dataset) - 1, number).round().astype(int)
    rows = [row(networks, int(i)) for i in places]
    save(draw(rows, [Path(c).stem for c in configs], dataset.metainfo),
         args.out)
    print(f'{args.out}: ' + ', '.join(
        Path(images_of(dataset)[i]).stem for i in places))


if __name__ == '__main__':
    main()
