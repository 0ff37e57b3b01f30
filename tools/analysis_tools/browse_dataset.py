"""What does the training loader feed? Pictures of its first batches."""

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Dict

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _cli  # noqa: E402,F401  isort: skip  (finds and registers the package)

import numpy as np  # noqa: E402
from _pictures import (  # noqa: E402
    IGNORE,
    class_patches,
    colours,
    legend,
    save,
    show,
)
from _samples import MASKLESS, Sample, batches, build  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402
from mmengine.config import Config, DictAction  # noqa: E402

from mmseg_pseudoseg.visualization import fill_palettes  # noqa: E402

VALID, PADDING, IGNORED, CUT_OUT = range(4)
# Name and RGB of each, in their order.
KINDS = (('counts', (225, 225, 225)), ('padding', (70, 70, 70)),
         ('ignored', (255, 165, 0)), ('cut out', (220, 0, 160)))


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='The same images, crops and distortions as in the first '
        'iterations of a training run in one process with the same seed '
        '(randomness.seed).')
    parser.add_argument('config', help='any config with a train_dataloader')
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help='default: work_dirs/browse/NAME_OF_THE_CONFIG')
    parser.add_argument('--number', type=int, default=4, metavar='N',
                        help='images of each source (default: %(default)s)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        metavar='KEY=VALUE', help='override keys')
    args = parser.parse_args()
    if args.number < 1:
        parser.error('--number takes a positive number')
    return args


def validity(sample: Sample, view: str) -> np.ndarray:
    """Which pixels count, and why others do not.

    Args:
        sample (Sample): An image.
        view (str): One of its views.

    Returns:
        np.ndarray: ``VALID``, ``PADDING``, ``IGNORED`` (255 in a mask) or
        ``CUT_OUT`` (255 in the strong view alone), uint8, (H, W).
    """
    invalid = sample.views[view][1] == IGNORE
    outside = np.ones_like(invalid)
    outside[:sample.shape[0], :sample.shape[1]] = False
    kinds = np.where(invalid, IGNORED, VALID).astype(np.uint8)
    if view == 'strong':
        kinds[invalid & (sample.views['weak'][1] != IGNORE)] = CUT_OUT
    kinds[invalid & outside] = PADDING
    return kinds


def panels(sample: Sample, meta: dict) -> Dict[str, np.ndarray]:
    """Title -> what to draw, uint8, RGB, (H, W, 3)."""
    result = {view: image for view, (image, _) in sample.views.items()}
    for view, (image, labels) in sample.views.items():
        if view not in MASKLESS:
            result['mask'] = np.rint(
                0.4 * image + 0.6 * colours(meta)[labels]).astype(np.uint8)
    table = np.array([colour for _, colour in KINDS], np.uint8)
    for view in sample.views:
        result[f'{view}: what counts'] = table[validity(sample, view)]
    return result


def draw(sample: Sample, meta: dict) -> Figure:
    """A strip: views, mask, what counts; names and tags above."""
    images = panels(sample, meta)
    height, width = next(iter(images.values())).shape[:2]
    inches = max(2.4, width / 100)
    figure = Figure(figsize=(inches * len(images),
                             inches * height / width + 0.9),
                    layout='constrained')
    for panel, (title, image) in zip(figure.subplots(1, len(images)),
                                     images.items()):
        show(panel, image, title)
    figure.suptitle(describe(sample), fontsize=10)
    labels = np.array([m for v, (_, m) in sample.views.items()
                       if v not in MASKLESS])
    legend(figure, class_patches(meta, labels) + [
        Patch(facecolor=np.array(colour) / 255, edgecolor='0.5', label=name)
        for name, colour in KINDS
    ])
    return figure


def describe(sample: Sample) -> str:
    """Source, id and tags."""
    text = f'{sample.source} {Path(sample.path).stem}'
    if sample.tags is None:
        return text
    return f'{text}, tags: {", ".join(sample.tags) or "none of the classes"}'


def main() -> None:
    """Write the pictures."""
    args = parse_args()
    out = args.out or Path('work_dirs/browse', Path(args.config).stem)
    done: Counter = Counter()
    try:
        cfg = Config.fromfile(args.config)
        if args.cfg_options:
            cfg.merge_from_dict(args.cfg_options)
        fill_palettes(cfg)
        loader, padding = build(cfg)
        for batch in batches(loader, padding):
            for sample in batch:
                if done[sample.source] < args.number:
                    name = (f'{sample.source}_{done[sample.source]:03d}_'
                            f'{Path(sample.path).stem}.jpg')
                    save(draw(sample, loader.dataset.metainfo), out / name)
                    print(f'{out / name}: {describe(sample)}')
                    done[sample.source] += 1
            if min(done.values()) >= args.number:
                break
    except (OSError, ValueError) as error:
        raise SystemExit(f'error: {args.config}: {error}') from error


if __name__ == '__main__':
    main()
