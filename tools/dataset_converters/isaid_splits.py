"""Draw lists of labelled and unlabelled patches for iSAID from a seed."""

import argparse
import inspect
import re
import sys
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Dict, List

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _cli  # noqa: E402,F401  isort: skip  (finds the package, imports mmseg)

import split_rules as rules  # noqa: E402
from mmseg.datasets import iSAIDDataset  # noqa: E402
from split_files import (  # noqa: E402
    add_write_arguments,
    check_files,
    read_presence,
    run_tool,
    write_splits,
)
from split_groups import balanced_group_draw, group  # noqa: E402
from split_rules import SplitError  # noqa: E402
from voc_splits import report, split_name  # noqa: E402

STOCK = inspect.signature(iSAIDDataset).parameters
SUFFIX = STOCK['img_suffix'].default
MASK = STOCK['seg_map_suffix'].default
CLASSES = iSAIDDataset.METAINFO['classes']
PATCH = re.compile(r'(.+)_\d+_\d+_\d+_\d+')
CUT = "MMSegmentation's tools/dataset_converters/isaid.py cuts them"
EPILOG = ('The lists go to DATA_ROOT/pseudoseg/NAME/{labeled,unlabeled}.txt '
          'with lines such as P0000_0_896_0_896: an ann_file of iSAIDDataset '
          "with img_path='img_dir/train'.")


def find_patches(folder: Path) -> Dict[str, List[str]]:
    """The patches of a folder by the aerial image that they were cut from.

    Args:
        folder (Path): Below ``img_dir``.

    Returns:
        dict[str, list[str]]: Image -> ids of its patches, both sorted.

    Raises:
        SplitError: If there are none, or a file is not named as a patch.
    """
    members: Dict[str, List[str]] = {}
    for path in sorted(folder.glob(f'*{SUFFIX}')):
        patch = path.name[:-len(SUFFIX)]
        match = PATCH.fullmatch(patch)
        if not match:
            raise SplitError(f'{path}: not named as a patch, such as '
                             f'P0000_0_896_0_896{SUFFIX}; {CUT}')
        members.setdefault(match[1], []).append(patch)
    if not members:
        raise SplitError(f'{folder}: holds no patches *{SUFFIX}; {CUT}')
    return members


def draw_list(args: argparse.Namespace) -> None:
    """Draw the labelled list and write both."""
    members = find_patches(args.data_root / 'img_dir' / 'train')
    val = find_patches(args.data_root / 'img_dir' / 'val')
    rules.check_disjoint(sorted(members), 'img_dir/train', val, 'img_dir/val')
    pool = [patch for patches in members.values() for patch in patches]
    folder = args.data_root / args.masks
    check_files(pool, 'img_dir/train', folder, MASK)
    shown = {
        name[:-len(Path(MASK).stem)]: row
        for name, row in read_presence(
            [f'{patch}{Path(MASK).stem}' for patch in pool], folder,
            len(CLASSES)).items()
    }
    images = balanced_group_draw(
        group(members, shown), ceil(args.share * len(pool)), args.seed,
        args.candidates)
    labeled = [patch for image in images for patch in members[image]]
    name = args.name or f'{args.share.numerator}_{args.share.denominator}'
    print(f'drew {len(images)} of {len(members)} aerial images, '
          f'{len(labeled)} of {len(pool)} patches, seed {args.seed}, best of '
          f'{args.candidates}')
    report(name, labeled, shown, CLASSES)
    warn_of_absent(labeled, pool, shown)
    write_splits(args, {name: labeled}, pool, Path('pseudoseg'))


def warn_of_absent(labeled: List[str], pool: List[str],
                   shown: Dict[str, np.ndarray]) -> None:
    """Name the classes that the labelled list lacks, and why."""
    here, there = (np.any([shown[patch] for patch in part], axis=0)
                   for part in (labeled, pool))
    for label, one, other in zip(CLASSES[1:], here, there, strict=True):
        if not one:
            why = ('no draw showed all; more --candidates, or a larger '
                   '--share' if other else 'no patch of img_dir/train does')
            print(f'note: the labelled list shows no {label} ({why})')


def share(text: str) -> Fraction:
    """A share such as 1/8 or 0.125."""
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(
            f'{text!r} must lie between 0 and 1, such as 1/8')
    return value


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description='Draw whole aerial images, with all their patches, until '
        'the share is reached: of many random draws, the first whose rarest '
        'foreground class is in most patches. An image is on one list alone, '
        'but with --unlabeled all.', epilog=EPILOG)
    parser.add_argument('data_root', type=Path, metavar='DATA_ROOT',
                        help=f'folder with img_dir and ann_dir; {CUT}')
    parser.add_argument('--share', type=share, required=True, metavar='SHARE',
                        help='of the patches of img_dir/train, such as 1/8')
    parser.add_argument('--seed', type=int, required=True, metavar='S',
                        help='the same seed draws the same list')
    parser.add_argument('--name', type=split_name,
                        help='name of the split (default: 1_8 for 1/8)')
    parser.add_argument('--candidates', type=int, default=1000, metavar='K',
                        help='number of random draws (default: %(default)s)')
    parser.add_argument(
        '--masks', default='ann_dir/train', metavar='FOLDER',
        help=f'folder of *{MASK} (default: %(default)s)')
    add_write_arguments(parser, 'remaining')
    args = parser.parse_args()
    run_tool(lambda: draw_list(args))


if __name__ == '__main__':
    main()
