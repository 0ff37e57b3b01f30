"""What a split must fulfil, and how one is drawn; no file is read here.

Shape legend:
    n: images of the list drawn from, F: foreground classes.
"""

import hashlib
import os.path as osp
import re
from typing import Container, Dict, List, NamedTuple, Pattern, Sequence, Tuple

import numpy as np

IGNORE = 255
VOC_ID = re.compile(r'\d{4}_\d{6}')
VOC_CLASSES = ('background', 'aeroplane', 'bicycle', 'bird', 'boat', 'bottle',
               'bus', 'car', 'cat', 'chair', 'cow', 'diningtable', 'dog',
               'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa',
               'train', 'tvmonitor')


class SplitError(ValueError):
    """A list, or a file that a list names, is not as it must be."""


class Published(NamedTuple):
    """A list of the authors.

    Attributes:
        name (str): Its name in the authors' repository, without suffix.
        num (int): Number of images.
        checksum (str): See :func:`checksum`.
    """

    name: str
    num: int
    checksum: str


PUBLISHED = {
    '1_16': Published('16_clean_3', 92, '124b0aab2fcd1767'),
    '1_16_b': Published('16_clean_14', 92, '4343386598d07b0b'),
    '1_16_c': Published('16_clean_20', 92, '89c08fc17f50ff6e'),
    '1_8': Published('8_clean', 183, '79b959bccf7753cd'),
    '1_4': Published('4_clean', 366, 'f0e702c687e2ba71'),
    '1_2': Published('2_clean', 732, '1c27978cdf510174'),
}
TRAINAUG_CHECKSUM = '855dff350b7f447b'


def checksum(ids: Sequence[str]) -> str:
    """First 16 hex digits of the sha256 of the sorted ids, one a line."""
    return hashlib.sha256('\n'.join(sorted(ids)).encode()).hexdigest()[:16]


def image_id(line: str) -> str:
    """The id in a line such as 'JPEGImages/ID.jpg SegmentationClass/ID.png'.

    Lists with one id a line, and those of images alone, serve as well.
    """
    return re.sub(r'\.(jpg|png)$', '', line.split()[0].rsplit('/', 1)[-1])


def check_ids(ids: Sequence[str], where: str, pattern: Pattern[str],
              example: str) -> None:
    """Refuse a list with entries that are no ids of the data set."""
    for number, image in enumerate(ids, 1):
        if not pattern.fullmatch(image):
            raise SplitError(
                f'{where}: entry {number} is {image!r}, not an image id such '
                f'as {example}; the list needs one id a line')


def check_published(ids: Sequence[str], name: str, where: str) -> None:
    """Refuse a list that is not the authors'.

    Args:
        ids (Sequence[str]): What was read.
        name (str): Key of ``PUBLISHED``.
        where (str): The file, for the message.

    Raises:
        SplitError: Naming what was expected and what was found.
    """
    check_ids(ids, where, VOC_ID, '2007_000032')
    check_facts(ids, PUBLISHED[name], where, 'googleinterns/wss')


def check_facts(ids: Sequence[str], expected: Published, where: str,
                repository: str) -> None:
    """Refuse a list that has not the published count and checksum."""
    found = checksum(ids)
    if (len(ids), found) != (expected.num, expected.checksum):
        raise SplitError(
            f'{where}: not the list {expected.name} of {repository}: '
            f'expected {expected.num} ids with checksum {expected.checksum}, '
            f'found {len(ids)} with {found}; take the file from a fresh '
            'clone')


def check_unique(ids: Sequence[str], where: str) -> None:
    """Refuse an empty list and a list that names an image twice."""
    if not ids:
        raise SplitError(f'{where}: the list is empty')
    seen = set()
    for image in ids:
        if image in seen:
            raise SplitError(f'{where}: {image!r} stands there twice; remove '
                             'one of the lines')
        seen.add(image)


def check_within_folder(ids: Sequence[str], where: str) -> None:
    """Refuse names that lead out of the folder of the images."""
    for image in ids:
        if osp.isabs(image) or '..' in re.split(r'[/\\]', image):
            raise SplitError(
                f'{where}: {image!r:.100} leads out of the folder of the '
                'images; give its path below it, without a leading "/" and '
                'without ".."')


def check_disjoint(ids: Sequence[str], where: str, val: Container[str],
                   val_where: str) -> None:
    """Refuse images that are evaluated on."""
    shared = [image for image in ids if image in val]
    if shared:
        raise SplitError(
            f'{where}: {len(shared)} of its images are also in {val_where}, '
            f'the first is {shared[0]}; no image may be in both')


def check_within(ids: Sequence[str], where: str, pool: Container[str],
                 pool_where: str) -> None:
    """Refuse images that the other list does not have."""
    outside = [image for image in ids if image not in pool]
    if outside:
        raise SplitError(
            f'{where}: {len(outside)} of {len(ids)} images are not in '
            f'{pool_where}, the first is {outside[0]}; is it the list of this '
            'data set?')


def presence(labels: Dict[str, Sequence[int]],
             num_classes: int) -> Dict[str, np.ndarray]:
    """Which foreground classes each image shows; one pixel suffices.

    Args:
        labels (dict[str, Sequence[int]]): Image -> values in its mask.
        num_classes (int): Classes, background (0) included.

    Returns:
        dict[str, np.ndarray]: Image -> bool, (F,).

    Raises:
        SplitError: If a value is neither a class nor 255.
    """
    shown = {}
    for image, values in labels.items():
        row = np.zeros(num_classes, bool)
        for value in values:
            if value == IGNORE:
                continue
            if value >= num_classes:
                raise SplitError(
                    f'the mask of {image} holds the value {value}, but there '
                    f'are {num_classes} classes: see --masks and --classes')
            row[value] = True
        shown[image] = row[1:]
    return shown


def balanced_draw(shown: np.ndarray, num: int, seed: int,
                  candidates: int) -> Tuple[np.ndarray, int]:
    """Of many random draws, the first with the best represented rarest class.

    Classes that no image shows do not count: they would make all draws equal.

    Args:
        shown (np.ndarray): Which image shows which class, bool, (n, F).
        num (int): Images a draw, at most n.
        seed (int): Of ``numpy.random.default_rng``.
        candidates (int): Number of draws.

    Returns:
        tuple: Rows in increasing order, int, (num,), and the number of them
        that show the rarest class.

    Raises:
        SplitError: If nothing can be drawn.
    """
    if not 1 <= num <= len(shown):
        raise SplitError(f'--num {num}: there are {len(shown)} images to draw '
                         'from')
    if seed < 0 or candidates < 1:
        raise SplitError(f'--seed {seed} --candidates {candidates}: the seed '
                         'must be 0 or more, the candidates 1 or more')
    shown = shown[:, shown.any(axis=0)]
    if not shown.size:
        raise SplitError('no mask shows a foreground class: see --masks')
    rng = np.random.default_rng(seed)
    best, best_rarest = np.arange(0), -1
    for _ in range(candidates):
        rows = rng.choice(len(shown), num, replace=False)
        rarest = int(shown[rows].sum(axis=0).min())
        if rarest > best_rarest:
            best, best_rarest = np.sort(rows), rarest
    return best, best_rarest


def unlabeled_ids(labeled: Sequence[str], pool: Sequence[str],
                  mode: str) -> List[str]:
    """The unlabelled list, in the order of the pool.

    Args:
        labeled (Sequence[str]): The labelled list.
        pool (Sequence[str]): Images to take from.
        mode (str): ``'all'`` of the pool, or what is ``'remaining'`` of it
            without the labelled ones.

    Returns:
        list[str]: Not empty.

    Raises:
        SplitError: If nothing remains.
    """
    taken = set(labeled) if mode == 'remaining' else set()
    rest = [image for image in pool if image not in taken]
    if not rest:
        raise SplitError('every image of the pool is labelled, none remains: '
                         'take another --pool, or --unlabeled all')
    return rest
