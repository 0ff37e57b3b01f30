"""Write lists of labelled and unlabelled images for a VOC-like data set."""

import argparse
import re
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
import split_rules as rules
import split_tables as tables
from split_files import (
    LISTS,
    add_write_arguments,
    check_files,
    read_list,
    read_presence,
    read_published,
    read_root_list,
    run_tool,
    write_splits,
)
from split_rules import SplitError

EPILOG = ('The lists go to DATA_ROOT/ImageSets/Segmentation/pseudoseg/NAME/'
          '{labeled,unlabeled}.txt, one image id a line.')
Commands = argparse._SubParsersAction


def read_pool(args: argparse.Namespace) -> Tuple[List[str], List[str]]:
    """The pool of unlabelled images, sorted and checked; validation list."""
    # The stock voc_aug.py writes trainaug.txt in another order at every run.
    pool = sorted(read_root_list(args.data_root, args.pool))
    val = read_root_list(args.data_root, 'val')
    rules.check_disjoint(pool, f'{args.pool}.txt', set(val), 'val.txt')
    check_files(pool, f'{args.pool}.txt', args.data_root / 'JPEGImages',
                '.jpg')
    return pool, val


def import_lists(args: argparse.Namespace) -> None:
    """Subcommand ``import``."""
    family = tables.FAMILIES[args.family]
    args.masks = args.masks or family.masks
    args.unlabeled = args.unlabeled or family.unlabeled
    classes = read_classes(args)
    lists = read_published(args.source, args.family)
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


def take_train(args: argparse.Namespace) -> None:
    """Subcommand ``train_aug``."""
    classes = read_classes(args)
    pool, val = read_pool(args)
    train = read_train(args, val)
    expected = {'train': (train, tables.TRAIN_CHECKSUM, 1464),
                args.pool: (pool, rules.TRAINAUG_CHECKSUM, 10582)}
    for name, (ids, checksum, num) in expected.items():
        if not args.other_data and rules.checksum(ids) != checksum:
            raise SplitError(
                f"{args.data_root / LISTS / name}.txt: not VOC's: expected "
                f'{num} ids with checksum {checksum}, found {len(ids)} with '
                f'{rules.checksum(ids)}; --other-data takes it as it is')
    shown = read_presence(train, args.data_root / args.masks, len(classes))
    report(args.name, train, shown, classes)
    write_splits(args, {args.name: train}, pool)


def read_train(args: argparse.Namespace, val: Sequence[str]) -> List[str]:
    """The list of images with masks, checked."""
    train = read_root_list(args.data_root, 'train')
    rules.check_disjoint(train, 'train.txt', set(val), 'val.txt')
    check_files(train, 'train.txt', args.data_root / 'JPEGImages', '.jpg')
    check_files(train, 'train.txt', args.data_root / args.masks, '.png')
    return train


def draw_list(args: argparse.Namespace) -> None:
    """Subcommand ``draw``."""
    classes = read_classes(args)
    pool, val = read_pool(args)
    # sorted: the draw shall not depend on the order of the lines
    train = sorted(read_train(args, val))
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


def split_name(text: str) -> str:
    """A name that can be a folder."""
    if not re.fullmatch(r'\w[\w.-]*', text):
        raise argparse.ArgumentTypeError(
            f'{text!r} must consist of letters, digits, "_", "-" and "."')
    return text


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that all subcommands have."""
    parser.add_argument(
        'data_root', type=Path, metavar='DATA_ROOT',
        help='folder with JPEGImages, ImageSets/Segmentation (train.txt, '
        'val.txt and the pool) and masks')
    parser.add_argument(
        '--pool', default='trainaug', metavar='LIST',
        help='list of the images that may serve as unlabelled ones; only '
        'their JPEGs need to exist (default: %(default)s)')
    parser.add_argument(
        '--classes', type=Path, metavar='FILE',
        help="class names, one a line, background first (default: VOC's 21)")


def add_masks_argument(parser: argparse.ArgumentParser,
                       masks: Optional[str], text: str = '%(default)s'
                       ) -> None:
    """Add ``--masks``; ``text`` is how the help names the default."""
    parser.add_argument(
        '--masks', default=masks, metavar='FOLDER',
        help=f'folder of the masks that count the classes (default: {text})')


def add_import(commands: Commands) -> None:
    """Add the subcommand ``import``."""
    parser = commands.add_parser(
        'import', epilog=EPILOG, help='verify and write published lists',
        description="Write the authors' VOC lists as 1_2, 1_4, 1_8, 1_16, "
        '1_16_b and 1_16_c, or those of later papers as blended_1_16, '
        'priority_1_16, ..., after comparing each with its checksum.')
    add_common_arguments(parser)
    add_masks_argument(
        parser, None, 'SegmentationClass for pseudoseg, else '
        'SegmentationClassAug')
    add_write_arguments(parser, None, 'all for pseudoseg, else remaining')
    parser.add_argument(
        '--source', type=Path, required=True, metavar='DIR',
        help='clone of googleinterns/wss, or a folder with 1_8.txt, ...; '
        'for blended one of UniMatch or TorchSemiSeg, for priority one of '
        'U2PL or UniMatch, or a folder with blended_1_8.txt, ...')
    parser.add_argument(
        '--family', choices=list(tables.FAMILIES), default='pseudoseg',
        help='pseudoseg: from train.txt, balanced; blended: from all of '
        "trainaug; priority: the images with VOC's own masks first; results "
        'on different families do not compare (default: %(default)s)')
    parser.set_defaults(run=import_lists)


def add_train_aug(commands: Commands) -> None:
    """Add the subcommand ``train_aug``."""
    parser = commands.add_parser(
        'train_aug', epilog=EPILOG, help="the paper's 1.4k/9k: no source",
        description='Label all of train.txt (1,464 images) and take the '
        'rest of trainaug.txt (9,118) as unlabelled.')
    add_common_arguments(parser)
    add_masks_argument(parser, 'SegmentationClass')
    add_write_arguments(parser, 'remaining')
    parser.add_argument('--name', type=split_name, default='train_aug',
                        help='name of the split (default: %(default)s)')
    parser.add_argument(
        '--other-data', action='store_true',
        help="take train.txt and the pool as they are, though not VOC's")
    parser.set_defaults(run=take_train)


def add_draw(commands: Commands) -> None:
    """Add the subcommand ``draw``."""
    parser = commands.add_parser(
        'draw', epilog=EPILOG, help='draw class-balanced lists from a seed',
        description='Draw labelled images from train.txt: of many random '
        'draws, the first whose rarest foreground class is in most images.')
    add_common_arguments(parser)
    add_masks_argument(parser, 'SegmentationClass')
    add_write_arguments(parser, 'remaining')
    parser.add_argument('--name', type=split_name, required=True,
                        help='name of the split, such as 1_8')
    parser.add_argument('--num', type=int, required=True, metavar='N',
                        help='number of labelled images')
    parser.add_argument('--seed', type=int, required=True, metavar='S',
                        help='the same seed draws the same list')
    parser.add_argument('--candidates', type=int, default=1000, metavar='K',
                        help='number of random draws (default: %(default)s)')
    parser.set_defaults(run=draw_list)


def main() -> None:
    """Run the subcommand."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=EPILOG)
    commands = parser.add_subparsers(required=True, metavar='COMMAND')
    for add in (add_import, add_train_aug, add_draw):
        add(commands)
    args = parser.parse_args()
    run_tool(lambda: args.run(args))


if __name__ == '__main__':
    main()
