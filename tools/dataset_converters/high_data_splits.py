"""Write the lists of extra images for the high-data regime (table 7)."""

import argparse
from collections import Counter
from pathlib import Path
from typing import Dict, List

import split_rules as rules
import split_tables as tables
from coco_files import read_instances
from coco_splits import TRAIN, read_pool
from split_files import (
    add_force_argument,
    check_files,
    read_presence,
    read_root_list,
    run_tool,
    write_lists,
)
from split_rules import VOC_CLASSES, SplitError
from voc_splits import read_pool as read_voc_pool

VOC = Path('VOCdevkit', 'VOC2012')
COCO = Path('coco')
MASKS = 'SegmentationClassAug'
UNLABELED, UNLABELED_IMAGES = 'unlabeled2017', 123403
AUTHORS_NUM = 91937  # C_tr; they released neither list nor rule
# COCO's names of VOC's classes, where they differ.
VOC_NAMES = {'airplane': 'aeroplane', 'motorcycle': 'motorbike',
             'dining table': 'diningtable', 'couch': 'sofa',
             'potted plant': 'pottedplant', 'tv': 'tvmonitor'}
Tags = Dict[str, List[str]]

EPILOG = f"""\
DATA_ROOT holds {VOC} (trainaug.txt, {MASKS}) and
{COCO} (annotations/instances_{TRAIN}.json, {TRAIN}, {UNLABELED}).
With C_tr: images of {TRAIN} that show a VOC class, C_u: {UNLABELED},
V_9k: the images of trainaug.txt that are not in train.txt, the lists are
  highdata_coco           C_tr + C_u
  highdata_coco-aug       C_tr + C_u + V_9k
  highdata_coco_tags      C_tr, with image-level labels
  highdata_coco-aug_tags  C_tr + V_9k, with image-level labels
They go to DATA_ROOT/splits/pseudoseg/NAME/unlabeled.txt, one image a line: its
path below DATA_ROOT without .jpg. Image-level labels go to tags.txt beside it:
an image id and VOC's names of the classes that its instances or its mask show.
The labelled images are those of voc_splits.py train_aug."""


def voc_labels(names: Dict[int, str], where: str) -> Dict[int, str]:
    """The name of the VOC class, by COCO's label, where there is one."""
    renamed = {label: VOC_NAMES.get(name, name)
               for label, name in names.items()}
    absent = set(VOC_CLASSES[1:]) - set(renamed.values())
    if absent:
        raise SplitError(
            f"{where}: has no category for VOC's {', '.join(sorted(absent))}; "
            'take the file from a fresh annotations_trainval2017.zip')
    return {label: name for label, name in renamed.items()
            if name in VOC_CLASSES}


def read_coco_tags(root: Path) -> Tags:
    """VOC classes of each training image of COCO that shows one."""
    print(f'reading instances_{TRAIN}.json ...')
    names, pictures = read_instances(root, TRAIN)
    where = str(root / 'annotations' / f'instances_{TRAIN}.json')
    labels = voc_labels(names, where)
    tags = {}
    for picture in pictures:
        shown = {labels.get(instance.label) for instance in picture.instances}
        if shown & set(labels.values()):
            tags[picture.name] = [n for n in VOC_CLASSES if n in shown]
    if not tags:
        raise SplitError(f'{where}: no image shows a VOC class; is it the '
                         'file of COCO?')
    check_files(list(tags), f'instances_{TRAIN}.json', root / TRAIN, '.jpg')
    report(f'C_tr, {len(pictures)} images of {TRAIN} looked at', tags)
    if len(tags) != AUTHORS_NUM:
        print(f'note: the C_tr of the authors has {AUTHORS_NUM} images, '
              'chosen by a rule that they did not release')
    return tags


def read_voc_tags(root: Path) -> Tags:
    """Classes of each image of V_9k, from its mask."""
    pool, _ = read_voc_pool(
        argparse.Namespace(data_root=root, pool='trainaug'))
    train = read_root_list(root, 'train')
    for name, ids, checksum in (
            ('train', train, tables.TRAIN_CHECKSUM),
            ('trainaug', pool, rules.TRAINAUG_CHECKSUM)):
        if rules.checksum(ids) != checksum:
            print(f"note: {name}.txt is not VOC's")
    ids = rules.unlabeled_ids(train, pool, 'remaining')
    check_files(ids, 'trainaug.txt', root / MASKS, '.png')
    shown = read_presence(ids, root / MASKS, len(VOC_CLASSES))
    tags = {image: [name for name, here in zip(
        VOC_CLASSES[1:], shown[image], strict=True) if here] for image in ids}
    report('V_9k', tags)
    return tags


def report(title: str, tags: Tags) -> None:
    """Print in how many images each class occurs."""
    counts = Counter(name for names in tags.values() for name in names)
    print(f'{title}: {len(tags)} images; with each class:')
    for name in VOC_CLASSES[1:]:
        print(f'  {name:<16}{counts[name]:>7}')


def tag_lines(tags: Tags) -> List[str]:
    """Lines of a tag file."""
    return [' '.join([image, *names]) for image, names in tags.items()]


def make_lists(args: argparse.Namespace) -> None:
    """Read and check everything, then write."""
    v_9k = read_voc_tags(args.data_root / VOC)
    rest = read_pool(args.data_root / COCO, UNLABELED, UNLABELED_IMAGES)
    c_tr = read_coco_tags(args.data_root / COCO)
    voc_images = [str(VOC / 'JPEGImages' / image) for image in v_9k]
    tagged = [str(COCO / TRAIN / image) for image in c_tr]
    coco_images = tagged + [str(COCO / UNLABELED / image) for image in rest]
    write_lists(
        args.data_root, {
            'highdata_coco': dict(unlabeled=coco_images),
            'highdata_coco-aug': dict(unlabeled=coco_images + voc_images),
            'highdata_coco_tags': dict(
                unlabeled=tagged, tags=tag_lines(c_tr)),
            'highdata_coco-aug_tags': dict(
                unlabeled=tagged + voc_images,
                tags=tag_lines({**c_tr, **v_9k}))
        }, args.force, Path('splits', 'pseudoseg'))


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description="Write the four lists of extra images beside VOC's "
        'train.txt\n(table 7), and two files of image-level labels.',
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data_root', type=Path, metavar='DATA_ROOT',
                        help=f'folder with {VOC} and {COCO}')
    add_force_argument(parser)
    args = parser.parse_args()
    run_tool(lambda: make_lists(args))


if __name__ == '__main__':
    main()
