"""Look into one image and its mask, as training will see them.

Shape legend:
    h, w: size of an image.
"""

import hashlib
import os.path as osp
from contextlib import contextmanager
from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

import cv2
import numpy as np

from mmseg_pseudoseg.datasets.file_faults import (
    Fault,
    label_outside,
    mask_colour,
    size_differs,
)
from mmseg_pseudoseg.datasets.image_files import (
    Header,
    decode,
    missing,
    unreadable,
)


class Job(NamedTuple):
    """What to look into.

    Attributes:
        info (dict): Of the data set's list.
        load_image (BaseTransform): The pipeline's loader.
        load_mask (BaseTransform | None): None leaves the mask alone.
        num_classes (int): Labels are 0..num_classes-1; 0 if unknown.
        ignore (int): And this one.
    """

    info: dict
    load_image: Any
    load_mask: Optional[Any]
    num_classes: int
    ignore: int


class Facts(NamedTuple):
    """What is known of an image and its mask.

    Attributes:
        faults (list[Fault]): In the order found.
        size (tuple[int, int] | None): h, w as loaded; None if unreadable.
        digest (str): Of the decoded pixels.
        counts (np.ndarray | None): Pixels of each label after
            ``reduce_zero_label`` and ``label_map``, int64, (256,).
        mask_digest (str): Of these labels.
        values (tuple[int, ...]): What the file of the mask holds.
    """

    faults: List[Fault]
    size: Optional[Tuple[int, int]] = None
    digest: str = ''
    counts: Optional[np.ndarray] = None
    mask_digest: str = ''
    values: Tuple[int, ...] = ()


def hashed(array: np.ndarray) -> str:
    """A checksum of shape and values."""
    state = hashlib.blake2b(repr((array.shape, str(array.dtype))).encode(),
                            digest_size=16)
    state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()


@contextmanager
def quiet() -> Iterator[None]:
    """Let OpenCV keep to itself what the findings will say of a file."""
    log = cv2.utils.logging
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)


def inspect(job: Job) -> Facts:
    """Look into an image and, if the job says so, its mask."""
    path = job.info['img_path']
    if not osp.isfile(path):
        facts, about = Facts([missing(path, 'image')]), None
    else:
        with quiet():
            facts, about = inspect_image(job, path)
    return inspect_mask(job, facts, about) if job.load_mask else facts


def inspect_image(job: Job, path: str) -> Tuple[Facts, Optional[Header]]:
    """What an image is, and what its loader makes of it."""
    try:
        raw, about = decode(path)
    except Exception as error:  # decoders raise anything on damaged files
        return Facts([unreadable(path, 'image', error)]), None
    try:
        pixels = job.load_image(dict(img_path=path))['img']
    except Exception as error:
        return Facts([unreadable(path, 'image', error)]), about
    detail = f'{path}: {about}'
    odd = dict(
        image_deep=about.bits > 8 and not about.floating
        and pixels.itemsize == 1,
        image_floating=about.floating and pixels.itemsize == 1,
        image_pages=about.pages > 1,
        image_transparent=about.mode in ('mode RGBA', 'mode LA', 'mode PA')
        and bool((raw[..., -1] < 255).any()))
    faults = [Fault(code, detail) for code, there in odd.items() if there]
    return Facts(faults, pixels.shape[:2], hashed(pixels)), about


def inspect_mask(job: Job, facts: Facts, image: Optional[Header]) -> Facts:
    """Add what the mask tells to what is known of the image."""
    path = job.info.get('seg_map_path')
    if not path:
        return add(facts, Fault('mask_missing',
                                f'{job.info["img_path"]} has none'))
    if not osp.isfile(path):
        return add(facts, missing(path, 'mask'))
    try:
        raw, about = decode(path)
    except Exception as error:
        return add(facts, unreadable(path, 'mask', error))
    if facts.size and raw.shape[:2] != facts.size:
        facts = add(facts, size_differs(
            path, raw.shape[:2], job.info['img_path'], facts.size))
    # PIL turns a TIFF where it loads it, and nothing else.
    turned = about.orientation if about.format == 'TIFF' else 1
    if image and image.orientation not in (0, turned):
        facts = add(facts, Fault('image_turned', f'{job.info["img_path"]}: '
                                 f'orientation {image.orientation}'))
    if about.format in ('JPEG', 'MPO'):
        facts = add(facts, Fault('mask_lossy', path))
    return inspect_labels(job, facts, raw, about)


def inspect_labels(job: Job, facts: Facts, raw: np.ndarray,
                   about: Header) -> Facts:
    """Add what the labels of a mask tell.

    Args:
        job (Job): With a loader of masks.
        facts (Facts): So far.
        raw (np.ndarray): The decoded mask.
        about (Header): Of the mask.
    """
    path = job.info['seg_map_path']
    if raw.ndim > 2:
        return add(facts, mask_colour(path, raw, str(about)))
    if about.floating:
        return add(facts, Fault('mask_floating', f'{path}: {about}'))
    values = np.unique(raw).astype(int).tolist()
    if values[-1] > 255 or values[0] < 0:
        return add(facts, Fault(
            'mask_deep', f'{path}: {about}, {values[0]} to {values[-1]}'))
    try:
        labels = job.load_mask(dict(job.info, seg_fields=[]))['gt_seg_map']
    except Exception as error:
        return add(facts, unreadable(path, 'mask', error))
    if labels.ndim > 2:  # cv2 as imdecode_backend unfolds a palette
        return add(facts, mask_colour(path, labels, str(about)))
    counts = np.bincount(labels.ravel(), minlength=256)
    facts = facts._replace(counts=counts, mask_digest=hashed(labels),
                           values=tuple(values))
    return judge_labels(job, facts, path)


def judge_labels(job: Job, facts: Facts, path: str) -> Facts:
    """Add what is wrong with the labels."""
    labels = np.flatnonzero(facts.counts).tolist()
    classes = [label for label in labels if label != job.ignore]
    outside = [k for k in classes if k >= job.num_classes]
    if job.num_classes and outside:
        return add(facts, label_outside(path, outside[0], job.num_classes,
                                        job.ignore))
    if not classes:
        return add(facts, Fault('mask_void', path))
    if facts.values == (0, 255):
        return add(facts, Fault('mask_binary', path))
    return facts


def add(facts: Facts, fault: Fault) -> Facts:
    """The facts with one fault more."""
    return facts._replace(faults=[*facts.faults, fault])
