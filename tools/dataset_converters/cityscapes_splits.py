"""Write the lists of labelled and unlabelled images for Cityscapes."""

import argparse
from pathlib import Path
from typing import List

import split_rules as rules
from split_files import (
    add_write_arguments,
    check_files,
    read_family,
    run_tool,
    write_splits,
)
from split_rules import SplitError
from split_tables import CITYSCAPES, CITYSCAPES_NUM

IMAGES = Path('leftImg8bit', 'train')
SUFFIX = '_leftImg8bit'
EPILOG = ('The lists go to DATA_ROOT/pseudoseg/NAME/{labeled,unlabeled}.txt '
          'with lines such as aachen/aachen_000003_000019: an ann_file of '
          "CityscapesDataset with img_path='leftImg8bit/train'.")


def ann_line(image: str) -> str:
    """The line of an ann_file: with the city's folder, without a suffix."""
    stem = image[:-len(SUFFIX)]
    return f'{stem.split("_")[0]}/{stem}'


def find_images(root: Path) -> List[str]:
    """All training images, as lines of an ann_file, sorted."""
    folder = root / IMAGES
    images = sorted(
        f'{path.parent.name}/{path.name[:-len(SUFFIX + ".png")]}'
        for path in folder.glob(f'*/*{SUFFIX}.png'))
    if not images:
        raise SplitError(f'{folder}: holds no CITY/*{SUFFIX}.png; DATA_ROOT '
                         'must be the folder above leftImg8bit')
    if len(images) != CITYSCAPES_NUM:
        print(f'note: {folder} holds {len(images)} images, Cityscapes has '
              f'{CITYSCAPES_NUM}')
    return images


def import_lists(args: argparse.Namespace) -> None:
    """Verify the lists and write them."""
    published = read_family(args.source, CITYSCAPES)
    pool = find_images(args.data_root)
    members, lists = set(pool), {}
    for name, ids in published.items():
        lists[name] = [ann_line(image) for image in ids]
        rules.check_within(lists[name], name, members,
                           str(args.data_root / IMAGES))
        check_files(lists[name], name, args.data_root / args.masks,
                    '_gtFine_labelTrainIds.png')
    write_splits(args, lists, pool, Path('pseudoseg'))


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description='Write the lists 1_4, 1_8 and 1_30 of later papers, '
        'after comparing each with its checksum.', epilog=EPILOG)
    parser.add_argument('data_root', type=Path, metavar='DATA_ROOT',
                        help='folder with leftImg8bit and gtFine')
    parser.add_argument(
        '--source', type=Path, required=True, metavar='DIR',
        help=f'clone of {CITYSCAPES.repository}, or a folder with 1_8.txt, '
        '...')
    parser.add_argument(
        '--masks', default=CITYSCAPES.masks, metavar='FOLDER',
        help="folder of CITY/*_gtFine_labelTrainIds.png, which MMSegmentation"
        "'s tools/dataset_converters/cityscapes.py makes (default: "
        '%(default)s)')
    add_write_arguments(parser, CITYSCAPES.unlabeled)
    args = parser.parse_args()
    run_tool(lambda: import_lists(args))


if __name__ == '__main__':
    main()
