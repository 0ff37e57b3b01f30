"""Write lists of labelled and unlabelled images for a VOC-like data set."""

import argparse
import re
import sys
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import numpy as np
import split_rules as rules
from split_files import (
    check_files,
    read_list,
    read_presence,
    read_published,
    read_root_list,
    write_lists,
)
from split_rules import SplitError

EPILOG = ('The lists go to DATA_ROOT/ImageSets/Segmentation/pseudoseg/NAME/'
          '{labeled,unlabeled}.txt, one image id a line.')


def read_pool(args: argparse.Namespace) -> Tuple[List[str], List[str]]:
    """The pool of unlabelled images, checked, and the validation list."""
    pool = read_root_list(args.data_root, args.pool)
    val = read_root_list(args.data_root, 'val')
    rules.check_disjoint(pool, f'{args.pool}.txt', set(val), 'val.txt')
    check_files(pool, f'{args.pool}.txt', args.data_root / 'JPEGImages',
                '.jpg')
    return pool, val


def import_lists(args: argparse.Namespace) -> None:
    """Subcommand ``import``."""
    classes = read_classes(args)
    lists = read_published(args.source)
    pool, val = read_pool(args)
    if rules.checksum(pool) != rules.TRAINAUG_CHECKSUM:
        print(f'note: {args.pool}.txt is not the trainaug.txt (10582 images) '
              'that the authors used')
    members, evaluated = set(pool), set(val)
    for name, ids in lists.items():
        rules.check_disjoint(ids, name, evaluated, 'val.txt')
        rules.check_within(ids, name, members, f'{args.pool}.txt')
        check_files(ids, name, args.data_root / args.masks, '.png')
    union = sorted({image for ids in lists.values() for image in ids})
    shown = read_presence(union, args.data_root / args.masks, len(classes))
    for name, ids in lists.items():
        report(name, ids, shown, classes)
    write_splits(args, lists, pool)


def draw_list(args: argparse.Namespace) -> None:
    """Subcommand ``draw``."""
    classes = read_classes(args)
    pool, val = read_pool(args)
    train = read_root_list(args.data_root, 'train')
    rules.check_disjoint(train, 'train.txt', set(val), 'val.txt')
    check_files(train, 'train.txt', args.data_root / 'JPEGImages', '.jpg')
    check_files(train, 'train.txt', args.data_root / args.masks, '.png')
    train.sort()  # the draw shall not depend on the order of the lines
    shown = read_presence(train, args.data_root / args.masks, len(classes))
    rows, rarest = rules.balanced_draw(
        np.stack([shown[image] for image in train]), args.num, args.seed,
        args.candidates)
    labeled = [train[row] for row in rows]
    print(f'drew {args.num} of {len(train)} images of train.txt, seed '
          f'{args.seed}, best of {args.candidates}: the rarest class is in '
          f'{rarest}')
    report(args.name, labeled, shown, classes)
    write_splits(args, {args.name: labeled}, pool)


def read_classes(args: argparse.Namespace) -> Sequence[str]:
    """Class names, the background first."""
    return read_list(args.classes) if args.classes else rules.VOC_CLASSES


def report(name: str, ids: Sequence[str], shown: Dict[str, np.ndarray],
           classes: Sequence[str]) -> None:
    """Print in how many labelled images each class occurs."""
    counts = np.sum([shown[image] for image in ids], axis=0)
    print(f'{name}: {len(ids)} labelled images; with each class:')
    for label, count in zip(classes[1:], counts, strict=True):
        print(f'  {label:<16}{count:>5}')


def write_splits(args: argparse.Namespace, lists: Dict[str, List[str]],
                 pool: Sequence[str]) -> None:
    """Write each labelled list with its unlabelled one."""
    write_lists(
        args.data_root, {
            name: dict(
                labeled=labeled,
                unlabeled=rules.unlabeled_ids(labeled, pool, args.unlabeled))
            for name, labeled in lists.items()
        }, args.force)


def split_name(text: str) -> str:
    """A name that can be a folder."""
    if not re.fullmatch(r'\w[\w.-]*', text):
        raise argparse.ArgumentTypeError(
            f'{text!r} must consist of letters, digits, "_", "-" and "."')
    return text


def add_common_arguments(parser: argparse.ArgumentParser,
                         unlabeled: str) -> None:
    """Add the options that both subcommands have."""
    parser.add_argument(
        'data_root', type=Path, metavar='DATA_ROOT',
        help='folder with JPEGImages, ImageSets/Segmentation (train.txt, '
        'val.txt and the pool) and masks')
    parser.add_argument(
        '--pool', default='trainaug', metavar='LIST',
        help='list of the images that may serve as unlabelled ones; only '
        'their JPEGs need to exist (default: %(default)s)')
    parser.add_argument(
        '--unlabeled', choices=['all', 'remaining'], default=unlabeled,
        help='all: the whole pool with the labelled images, as the authors '
        'ran it; remaining: without them (default: %(default)s)')
    parser.add_argument(
        '--masks', default='SegmentationClass', metavar='FOLDER',
        help='folder of the masks that count the classes '
        '(default: %(default)s)')
    parser.add_argument(
        '--classes', type=Path, metavar='FILE',
        help="class names, one a line, background first (default: VOC's 21)")
    parser.add_argument(
        '--force', action='store_true',
        help='overwrite lists that are there and differ')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=EPILOG)
    commands = parser.add_subparsers(required=True, metavar='COMMAND')
    authors = commands.add_parser(
        'import', epilog=EPILOG, help="verify and write the authors' lists",
        description="Write the authors' VOC lists as 1_2, 1_4, 1_8, 1_16, "
        '1_16_b and 1_16_c, after comparing each with its checksum.')
    add_common_arguments(authors, 'all')
    authors.add_argument(
        '--source', type=Path, required=True, metavar='DIR',
        help='clone of googleinterns/wss, or a folder with 1_8.txt, ...')
    authors.set_defaults(run=import_lists)
    drawn = commands.add_parser(
        'draw', epilog=EPILOG, help='draw class-balanced lists from a seed',
        description='Draw labelled images from train.txt: of many random '
        'draws, the first whose rarest foreground class is in most images.')
    add_common_arguments(drawn, 'remaining')
    drawn.add_argument('--name', type=split_name, required=True,
                       help='name of the split, such as 1_8')
    drawn.add_argument('--num', type=int, required=True, metavar='N',
                       help='number of labelled images')
    drawn.add_argument('--seed', type=int, required=True, metavar='S',
                       help='the same seed draws the same list')
    drawn.add_argument('--candidates', type=int, default=1000, metavar='K',
                       help='number of random draws (default: %(default)s)')
    drawn.set_defaults(run=draw_list)
    return parser.parse_args()


def main() -> None:
    """Run the subcommand."""
    args = parse_args()
    try:
        args.run(args)
    except SplitError as error:
        sys.exit(f'error: {error}')


if __name__ == '__main__':
    main()
