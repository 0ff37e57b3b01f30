"""Faults of image files in words: the same in every tool and in training."""

from typing import NamedTuple, Sequence, Tuple

import numpy as np

ERROR, WARNING, NOTE = 'error', 'warning', 'note'
CONVERT = (
    'write one channel of class ids, 0 the background, 255 ignored; with '
    'numpy and PIL: Image.fromarray(ids.astype(numpy.uint8)).save(path)')
TO_8_BITS = (
    'write 8-bit images (PNG, JPEG), or set another imdecode_backend '
    '("pillow", "tifffile") in LoadImageFromFile, if its values are what the '
    'network shall see')


class Fault(NamedTuple):
    """Something about a file; :data:`MEANING` explains the code.

    Attributes:
        code (str): What kind.
        detail (str): The file and what is special about it.
    """

    code: str
    detail: str


class Meaning(NamedTuple):
    """What a fault's code says to a person.

    Attributes:
        level (str): ``'error'``, ``'warning'`` or ``'note'``.
        text (str): Follows "image" or a number of images.
        remedy (str): What to do.
    """

    level: str
    text: str
    remedy: str


MEANING = dict(
    image_missing=Meaning(
        ERROR, 'listed but missing', 'correct the list, or data_prefix.'
        'img_path and img_suffix of the data set; --fix-lists drops them'),
    image_damaged=Meaning(
        ERROR, 'that is damaged and cannot be decoded',
        'take the file from its source again, or its line from the list; '
        '--fix-lists drops it'),
    image_format=Meaning(
        ERROR, 'of a format that the loader cannot read',
        TO_8_BITS),
    image_foreign=Meaning(
        ERROR, 'that is none for PIL and OpenCV',
        'convert it to PNG or JPEG; download it anew, where a web page or a '
        'pointer came instead; --fix-lists drops it'),
    image_bomb=Meaning(
        ERROR, 'too large to be decoded safely',
        'cut or shrink the images; --fix-lists drops them'),
    image_deep=Meaning(
        WARNING, 'of 16 or more bits a channel; the loader keeps the upper 8',
        'stretch the values to 0..255 and save 8 bits, or images of 10 or 12 '
        'bits are nearly black'),
    image_floating=Meaning(
        WARNING, 'of floating-point values; the loader makes 8 bits of them',
        'stretch the values to 0..255 and save 8 bits, or images of 0..1 are '
        'black'),
    image_pages=Meaning(
        WARNING, 'of several pages or frames; the loader takes the first',
        'save each page as an image of its own'),
    image_transparent=Meaning(
        NOTE, 'with transparent pixels; the loader drops the transparency, '
        'and the network sees what lies below',
        'paste the images on a plain ground, if that is not meant'),
    image_turned=Meaning(
        WARNING, 'turned by EXIF; the loader turns the image, not its mask',
        'look at one pair; save the image without EXIF, or turn the mask as '
        'well'),
    mask_missing=Meaning(
        ERROR, 'without a mask', 'add the masks, or correct data_prefix.'
        'seg_map_path and seg_map_suffix; --fix-lists drops the images'),
    mask_damaged=Meaning(
        ERROR, 'with a mask that is damaged and cannot be decoded',
        'take the mask from its source again, or the line from the list; '
        '--fix-lists drops the image'),
    mask_format=Meaning(
        ERROR, 'with a mask of a format that the loader cannot read',
        f'{CONVERT}, as PNG'),
    mask_foreign=Meaning(
        ERROR, 'with a mask that is no image for PIL and OpenCV',
        f'{CONVERT}, as PNG'),
    mask_bomb=Meaning(
        ERROR, 'with a mask too large to be decoded safely',
        'cut or shrink image and mask; --fix-lists drops the images'),
    mask_colour=Meaning(
        ERROR, 'with a mask of colours, not of class ids',
        f'turn each colour into its class id: {CONVERT}'),
    mask_floating=Meaning(
        ERROR, 'with a mask of floating-point values, not of class ids',
        f'round the values to class ids: {CONVERT}'),
    mask_deep=Meaning(
        ERROR, 'with a mask whose values do not fit into 8 bits (the loader '
        'cuts the upper ones off)', f'map the values to class ids: {CONVERT}'),
    mask_lossy=Meaning(
        ERROR, 'with a mask saved as JPEG, which changes class ids',
        'draw or export the masks again as PNG'),
    size_differs=Meaning(
        ERROR, 'with a mask of another size',
        'make them equal (a turned image has an EXIF orientation); '
        '--fix-lists drops the images'),
    label_outside=Meaning(
        ERROR, 'with labels outside the classes',
        'masks must hold class ids (not colours, not 0/255); see '
        'metainfo.classes and reduce_zero_label of the data set. Grey levels '
        f'of colours (38, 75, 113) must be turned into ids: {CONVERT}'),
    mask_binary=Meaning(
        NOTE, 'with a mask of 0 and 255 alone',
        'nothing, if 255 is meant to be ignored there'),
    mask_void=Meaning(
        WARNING, 'with a mask that ignores every pixel',
        'such an image teaches nothing: label it, or leave it out'),
)


def sentence(fault: Fault) -> str:
    """A single fault as an error message.

    Args:
        fault (Fault): Of :data:`MEANING`.

    Returns:
        str: File, cause and remedy, in the words of ``check_data.py``.
    """
    _, text, remedy = MEANING[fault.code]
    return f'{fault.detail}: image {text}; {remedy}'


def size_differs(mask_path: str, mask_size: Sequence[int], image_path: str,
                 image_size: Sequence[int]) -> Fault:
    """The fault of a pair of different sizes.

    Args:
        mask_path (str): The mask.
        mask_size (Sequence[int]): Its height and width.
        image_path (str): Its image.
        image_size (Sequence[int]): Height and width as loaded.
    """
    return Fault('size_differs', (
        f'{mask_path}: the mask is {tuple(mask_size)} (height, width), its '
        f'image {image_path} is {tuple(image_size)}; they must be equal'))


def label_outside(path: str, label: int, num_classes: int,
                  ignore: int) -> Fault:
    """The fault of a mask with a label that is no class.

    Args:
        path (str): The mask.
        label (int): The first such label.
        num_classes (int): Labels are 0..num_classes-1.
        ignore (int): And this one.
    """
    return Fault('label_outside', (
        f'{path}: label {label} is outside the {num_classes} classes '
        f'0..{num_classes - 1} and is not {ignore} (ignore)'))


def mask_colour(path: str, mask: np.ndarray, mode: str) -> Fault:
    """The fault of a mask of several channels.

    Args:
        path (str): The mask.
        mask (np.ndarray): As decoded, (h, w, c).
        mode (str): What is known of the file.
    """
    if mask.shape[2] >= 3 and (mask[..., :1] == mask[..., :3]).all():
        return Fault('mask_colour', f'{path}: {mode}, three equal channels')
    colours = np.unique(mask.reshape(-1, mask.shape[2])[:, :3], axis=0)
    last = tuple(int(value) for value in colours[-1])
    return Fault('mask_colour',
                 f'{path}: {mode}, {len(colours)} colours, the last is '
                 f'{last}')


def one_class(values: Sequence[int], labels: Sequence[int],
              reduce_zero_label: bool, teaches: bool) -> Tuple[str, str]:
    """What it means that the masks of a list show but one class, or none.

    Args:
        values (Sequence[int]): All that the files hold.
        labels (Sequence[int]): What ``reduce_zero_label`` and ``label_map``
            make of them, without the ignored label.
        reduce_zero_label (bool): Of the data set.
        teaches (bool): Whether the network learns from them; a validation
            list may show one class.

    Returns:
        tuple[str, str]: Text and remedy; both empty where nothing is wrong.
    """
    if len(set(labels)) > 1 or not values:
        return '', ''
    left = f'only class {labels[0]} is left' if labels else 'no class is left'
    if reduce_zero_label and 0 in values:
        return (f'after reduce_zero_label {left} in all masks: their 0 is '
                'ignored, which is right only where 0 is no class',
                'set reduce_zero_label=False in all data sets')
    if set(values) == {0, 255}:
        return ('all masks hold 0 and 255 alone: 255 counts as ignored, so '
                'that the background is the only class',
                f'write 1 where they hold 255: {CONVERT}, where ids = '
                '(mask == 255)')
    if teaches and labels:
        return (f'{left} in all masks: a network that always says so is '
                'right', 'label images that show other classes, or correct '
                'the masks: they must hold class ids')
    return '', ''
