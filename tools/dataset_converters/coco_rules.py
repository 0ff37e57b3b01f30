"""What COCO's annotations must fulfil and which pixel gets which class.

No file is read here. Shape legend:
    H, W: height and width of a picture.
"""

import hashlib
from typing import Any, Dict, List, NamedTuple, Sequence, Set, Tuple, Union

import numpy as np
from coco_shapes import check_segmentation
from split_rules import IGNORE, SplitError

UNUSED_IDS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
LABELS = {
    category: label
    for label, category in enumerate(
        sorted(set(range(1, 91)) - UNUSED_IDS), 1)
}
MAX_SIDE = 65535  # pixels, of a JPEG
REMEDY = ('correct it there, or take the file from a fresh '
          'annotations_trainval2017.zip')


class Instance(NamedTuple):
    """A thing, or a crowd of things.

    Attributes:
        id (int): Of the annotation.
        label (int): Class, 1 to 80.
        crowd (bool): Whether it is a crowd.
        segmentation (list | dict): Polygons or run lengths, as in the file.
    """

    id: int
    label: int
    crowd: bool
    segmentation: Union[list, dict]


class Picture(NamedTuple):
    """An image of the annotation file.

    Attributes:
        name (str): The image id with 12 digits.
        height (int): H.
        width (int): W.
        instances (list[Instance]): What it shows.
    """

    name: str
    height: int
    width: int
    instances: List[Instance]


class MaskRecord(NamedTuple):
    """What is remembered of a mask.

    Attributes:
        digest (str): Sha256 of its pixels, row by row.
        labels (tuple[int, ...]): The values that occur.
    """

    digest: str
    labels: Tuple[int, ...]


def parse_categories(categories: Sequence[dict], where: str) -> Dict[int, str]:
    """The name of each class, by its label, after checking the ids."""
    names: Dict[int, str] = {}
    for entry in categories:
        category = entry.get('id') if isinstance(entry, dict) else entry
        if type(category) is not int or category not in LABELS:
            raise SplitError(f"{where}: category {category!r} is not one of "
                             f"COCO's {len(LABELS)} things; {REMEDY}")
        if LABELS[category] in names:
            raise SplitError(f'{where}: category {category} stands there '
                             f'twice; {REMEDY}')
        names[LABELS[category]] = str(entry.get('name', category))
    return dict(sorted(names.items()))


def parse_images(images: Sequence[dict], where: str) -> Dict[int, Picture]:
    """The pictures by their id, still without instances."""
    pictures: Dict[int, Picture] = {}
    for entry in images:
        fields: List[Any] = [
            entry.get(key) if isinstance(entry, dict) else None
            for key in ('id', 'height', 'width')
        ]
        image, height, width = fields
        if not all(type(field) is int for field in fields) or not (
                0 <= image < 10**12 and 0 < height <= MAX_SIDE
                and 0 < width <= MAX_SIDE):
            raise SplitError(
                f'{where}: the image {entry!r:.200} needs an id of at most 12 '
                f'digits, a height and a width from 1 to {MAX_SIDE}; {REMEDY}')
        if image in pictures:
            raise SplitError(f'{where}: image {image} stands there twice; '
                             f'{REMEDY}')
        pictures[image] = Picture(f'{image:012d}', height, width, [])
    if not pictures:
        raise SplitError(f'{where}: lists no image; {REMEDY}')
    return pictures


def parse_instances(data: object,
                    where: str) -> Tuple[Dict[int, str], List[Picture]]:
    """Read and check the content of an ``instances_<set>.json``.

    Args:
        data (object): The content.
        where (str): The file, for messages.

    Returns:
        tuple: Names of the classes by label, and the pictures in the order
        of their ids.

    Raises:
        SplitError: Naming the file, the annotation and the remedy.
    """
    keys = ('images', 'annotations', 'categories')
    if not isinstance(data, dict) or not all(
            isinstance(data.get(key), list) for key in keys):
        raise SplitError(f'{where}: needs the lists {", ".join(keys)}; '
                         f'{REMEDY}')
    names = parse_categories(data['categories'], where)
    pictures = parse_images(data['images'], where)
    seen: Set[int] = set()
    for number, entry in enumerate(data['annotations'], 1):
        try:
            check_annotation(entry, names, pictures, seen)
        except SplitError as error:
            known = isinstance(entry, dict) and 'id' in entry
            shown = repr(entry['id']) if known else f'number {number}'
            raise SplitError(f'{where}: annotation {shown}: {error}; '
                             f'{REMEDY}') from error
        seen.add(entry['id'])
        pictures[entry['image_id']].instances.append(
            Instance(entry['id'], LABELS[entry['category_id']],
                     entry['iscrowd'] == 1, entry['segmentation']))
    return names, [pictures[image] for image in sorted(pictures)]


def check_annotation(entry: object, names: Dict[int, str],
                     pictures: Dict[int, Picture], seen: Set[int]) -> None:
    """Refuse an annotation that cannot be drawn."""
    keys = ('id', 'image_id', 'category_id', 'iscrowd', 'segmentation')
    if not isinstance(entry, dict) or not entry.keys() >= set(keys):
        raise SplitError(f'needs the keys {", ".join(keys)}')
    for key in keys[:4]:
        if type(entry[key]) is not int:
            raise SplitError(f'{key} {entry[key]!r} is not a whole number')
    if entry['id'] in seen:
        raise SplitError('the id stands there twice')
    if entry['image_id'] not in pictures:
        raise SplitError(f'image_id {entry["image_id"]} is not among the '
                         'images')
    if LABELS.get(entry['category_id']) not in names:
        raise SplitError(f'category_id {entry["category_id"]} is not among '
                         'the categories')
    if entry['iscrowd'] not in (0, 1):
        raise SplitError(f'iscrowd {entry["iscrowd"]} is neither 0 nor 1')
    picture = pictures[entry['image_id']]
    check_segmentation(entry['segmentation'], picture.height, picture.width)


def compose(picture: Picture, regions: Sequence[np.ndarray]) -> np.ndarray:
    """Paste crowds, then things, the smaller over the larger.

    Args:
        picture (Picture): With n instances.
        regions (Sequence[np.ndarray]): Where each of them is, bool, n x
            (H, W).

    Returns:
        np.ndarray: Class of each pixel, uint8, (H, W).
    """
    mask = np.zeros((picture.height, picture.width), np.uint8)
    pairs = list(zip(picture.instances, regions, strict=True))
    for instance, region in pairs:
        if instance.crowd:
            mask[region] = IGNORE
    things = [pair for pair in pairs if not pair[0].crowd]
    things.sort(key=lambda pair: (pair[1].sum(), pair[0].id), reverse=True)
    for instance, region in things:
        mask[region] = instance.label
    return mask


def check_mask(mask: np.ndarray, picture: Picture) -> MaskRecord:
    """Refuse a mask that cannot be the picture's."""
    if mask.shape != (picture.height, picture.width) or mask.dtype != np.uint8:
        raise SplitError(
            f'is of shape {mask.shape} and {mask.dtype}, but the image needs '
            f'{(picture.height, picture.width)} and uint8')
    labels = np.bincount(mask.ravel(), minlength=256).nonzero()[0].tolist()
    possible = {IGNORE if instance.crowd else instance.label
                for instance in picture.instances}
    for label in labels:
        if label not in possible | {0}:
            raise SplitError(f'holds the value {label}, which no annotation '
                             'of the image has')
    return MaskRecord(
        hashlib.sha256(mask.tobytes()).hexdigest(), tuple(labels))


def set_checksum(records: Dict[str, MaskRecord]) -> str:
    """First 16 hex digits of a sha256 over all masks.

    What is hashed are the lines ``<12-digit id> <sha256 of the pixels>``,
    sorted and joined by newlines.
    """
    lines = sorted(f'{name} {record.digest}'
                   for name, record in records.items())
    return hashlib.sha256('\n'.join(lines).encode()).hexdigest()[:16]
