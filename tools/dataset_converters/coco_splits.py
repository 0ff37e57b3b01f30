"""Verify and write the authors' lists of labelled COCO images."""

import argparse
import re
from pathlib import Path
from typing import List

import split_rules as rules
from split_files import (
    add_write_arguments,
    read_family,
    run_tool,
    write_splits,
)
from split_rules import Published, SplitError
from split_tables import Family

EPILOG = ('The lists go to DATA_ROOT/splits/pseudoseg/NAME/'
          '{labeled,unlabeled}.txt, one image id of 12 digits a line; the '
          'unlabelled ones are taken from all images of DATA_ROOT/train2017.')
TRAIN = 'train2017'
TRAIN_IMAGES = 118287
COCO = Family(
    'googleinterns/wss', ('data_splits/coco/{name}.txt', ),
    {
        '1_512': Published('512_all', 232, '7a80d0605a2a4383'),
        '1_256': Published('256_all', 463, 'd89f8cf50e276af3'),
        '1_128': Published('128_all', 925, '92eb3929f14c6eab'),
        '1_64': Published('64_all', 1849, '67e1fa5b00095d68'),
        '1_32': Published('32_all', 3697, '3410484b25372201'),
    },
    masks=f'masks81/{TRAIN}', unlabeled='all', pattern=re.compile(r'\d{12}'),
    example='000000177254')


def read_pool(root: Path, name: str = TRAIN,
              number: int = TRAIN_IMAGES) -> List[str]:
    """The ids of all images of a set, sorted.

    Args:
        root (Path): The data set.
        name (str): Folder of the set.
        number (int): Images that COCO has there.

    Returns:
        list[str]: Not empty.
    """
    folder = root / name
    pool = sorted(path.stem for path in folder.glob('*.jpg'))
    if not pool:
        raise SplitError(f'{folder}: holds no *.jpg; unpack {name}.zip in '
                         f'{root}')
    rules.check_ids(pool, str(folder), COCO.pattern, COCO.example)
    if len(pool) != number:
        print(f'note: {folder} holds {len(pool)} images, COCO has {number}')
    return pool


def import_lists(args: argparse.Namespace) -> None:
    """Check all lists, then write them."""
    lists = read_family(args.source, COCO)
    pool = read_pool(args.data_root)
    members = set(pool)
    for name, ids in lists.items():
        rules.check_within(ids, name, members, str(args.data_root / TRAIN))
    write_splits(args, lists, pool, Path('splits', 'pseudoseg'))


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description="Write the authors' COCO lists as 1_512, 1_256, 1_128, "
        '1_64 and 1_32, after comparing each with its checksum.',
        epilog=EPILOG)
    parser.add_argument('data_root', type=Path, metavar='DATA_ROOT',
                        help=f'folder with the images in {TRAIN}')
    parser.add_argument(
        '--source', type=Path, required=True, metavar='DIR',
        help=f'clone of {COCO.repository}, or a folder with 1_32.txt, ...')
    add_write_arguments(parser, COCO.unlabeled)
    args = parser.parse_args()
    run_tool(lambda: import_lists(args))


if __name__ == '__main__':
    main()
