"""Look into one image and its mask, as training will see them.

Shape legend:
    h, w: size of an image.
"""

import hashlib
import os.path as osp
import unicodedata
import warnings
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
from PIL import Image

# Of what PIL can open; PostScript and other programs are not run.
FORMATS = ('JPEG', 'PNG', 'BMP', 'TIFF', 'WEBP', 'GIF', 'PPM', 'JPEG2000')
Image.init()  # else PIL does not know all of them yet
ORIENTATION = 0x0112  # tag of EXIF
NARROW_MODES = ('1', 'L', 'P', 'I;16', 'I;16B', 'I')


class Fault(NamedTuple):
    """Something about a file; ``_data_checks.MEANING`` explains the code.

    Attributes:
        code (str): What kind.
        detail (str): The file and what is special about it.
    """

    code: str
    detail: str


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
    """

    faults: List[Fault]
    size: Optional[Tuple[int, int]] = None
    digest: str = ''
    counts: Optional[np.ndarray] = None
    mask_digest: str = ''


def hashed(array: np.ndarray) -> str:
    """A checksum of shape and values."""
    state = hashlib.blake2b(repr((array.shape, str(array.dtype))).encode(),
                            digest_size=16)
    state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()


def decode(path: str) -> Tuple[np.ndarray, Dict[str, Any]]:
    """Decode a file to its last pixel.

    OpenCV, which loads images in training, accepts half a JPEG; PIL does not.
    Its limit of pixels is checked before anything is decoded.

    Args:
        path (str): Of a regular file.

    Returns:
        tuple: Pixels, and a dict with ``mode``, ``format`` and
        ``orientation`` of EXIF.

    Raises:
        Exception: Whatever a damaged file makes a decoder raise.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        warnings.simplefilter('error', Image.DecompressionBombWarning)
        with Image.open(path, formats=FORMATS) as file:
            file.load()
            return np.asarray(file), dict(
                mode=file.mode, format=file.format,
                orientation=file.getexif().get(ORIENTATION, 1))


def near(path: str) -> str:
    """Files that may be meant: another suffix, case or Unicode form."""
    def plain(name: str) -> str:
        return unicodedata.normalize('NFC', name).casefold().strip()

    wanted = Path(path)
    if osp.lexists(path):
        return ' (no regular file)'
    if not wanted.parent.is_dir():
        return f' (the folder {wanted.parent} is missing)'
    found = sorted(p.name for p in wanted.parent.iterdir()
                   if plain(p.stem) == plain(wanted.stem))
    return f' (there is {", ".join(found[:3])})' if found else ''


def read(path: str, what: str) -> Any:
    """Pixels and their description, or the fault of the file."""
    if not osp.isfile(path):
        return Fault(f'{what}_missing', path + near(path))
    try:
        return decode(path)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return Fault(f'{what}_bomb',
                     f'{path}: more than {Image.MAX_IMAGE_PIXELS} pixels')
    except Exception as error:  # decoders raise anything on damaged files
        return Fault(f'{what}_damaged',
                     f'{path}: {type(error).__name__}: {error}')


def inspect(job: Job) -> Facts:
    """Look into an image and, if the job says so, its mask."""
    path, faults = job.info['img_path'], []
    found = read(path, 'image')
    size, digest = None, ''
    if isinstance(found, Fault):
        faults.append(found)
    else:
        try:
            pixels = job.load_image(dict(img_path=path))['img']
            size, digest = pixels.shape[:2], hashed(pixels)
        except Exception as error:
            faults.append(Fault('image_damaged', f'{path}: the loader fails: '
                                f'{type(error).__name__}: {error}'))
        if found[1]['mode'].startswith('I'):
            faults.append(Fault('image_deep', path))
        if job.load_mask and found[1]['orientation'] not in (0, 1):
            faults.append(Fault('image_turned', f'{path}: orientation '
                                f'{found[1]["orientation"]}'))
    facts = Facts(faults, size, digest)
    return inspect_mask(job, facts) if job.load_mask else facts


def inspect_mask(job: Job, facts: Facts) -> Facts:
    """Add what the mask tells to what is known of the image."""
    path = job.info.get('seg_map_path')
    if not path:
        return add(facts, 'mask_missing', f'{job.info["img_path"]} has none')
    found = read(path, 'mask')
    if isinstance(found, Fault):
        return add(facts, *found)
    raw, about = found
    if facts.size and raw.shape[:2] != facts.size:
        facts = add(facts, 'size_differs', f'{path}: {raw.shape[0]} x '
                    f'{raw.shape[1]}, {job.info["img_path"]}: '
                    f'{facts.size[0]} x {facts.size[1]} (height x width)')
    if about['format'] in ('JPEG', 'MPO'):
        facts = add(facts, 'mask_lossy', path)
    if raw.ndim > 2 or about['mode'] not in NARROW_MODES:
        return add(facts, 'mask_colour', f'{path}: {describe(raw, about)}')
    values = np.unique(raw).astype(int).tolist()
    if values[-1] > 255 or values[0] < 0:
        return add(facts, 'mask_deep', f'{path}: {values[0]} to {values[-1]}')
    info = dict(job.info, seg_fields=[])
    try:
        labels = job.load_mask(info)['gt_seg_map']
    except Exception as error:
        return add(facts, 'mask_damaged', f'{path}: the loader fails: '
                   f'{type(error).__name__}: {error}')
    counts = np.bincount(labels.ravel(), minlength=256)
    facts = facts._replace(counts=counts, mask_digest=hashed(labels))
    return judge_labels(job, facts, path, values)


def judge_labels(job: Job, facts: Facts, path: str,
                 values: List[int]) -> Facts:
    """Add what is wrong with the labels; ``values`` are the file's own."""
    labels = np.flatnonzero(facts.counts).tolist()
    classes = [label for label in labels if label != job.ignore]
    if job.num_classes and any(k >= job.num_classes for k in classes):
        facts = add(facts, 'label_outside', f'{path}: values '
                    f'{", ".join(map(str, values[:12]))}'
                    f'{", ..." if len(values) > 12 else ""}')
    elif not classes:
        facts = add(facts, 'mask_void', path)
    elif values == [0, 255]:
        facts = add(facts, 'mask_binary', path)
    return facts


def add(facts: Facts, code: str, detail: str) -> Facts:
    """The facts with one fault more."""
    return facts._replace(faults=[*facts.faults, Fault(code, detail)])


def describe(raw: np.ndarray, about: Dict[str, Any]) -> str:
    """What a mask of several channels, or of no integers, shows."""
    if raw.ndim < 3:
        return f'mode {about["mode"]}, {raw.dtype}'
    if raw.shape[2] >= 3 and (raw[..., :1] == raw[..., :3]).all():
        return f'{about["mode"]}, three equal channels'
    flat = raw.reshape(-1, raw.shape[2])[:, :3]
    colours = np.unique(flat, axis=0)
    return (f'{about["mode"]}, {len(colours)} colours, the last is '
            f'{tuple(int(v) for v in colours[-1])}')
