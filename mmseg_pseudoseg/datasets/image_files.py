"""What an image file holds, and why a loader cannot read it.

Used by ``tools/check_data.py`` for every file, and by training where a loader
has failed: a file is opened a second time only then.
"""

import io
import os.path as osp
import unicodedata
import warnings
from pathlib import Path
from typing import Any, NamedTuple, Optional, Tuple

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from .file_faults import Fault

Image.init()  # else PIL does not know all of its formats yet
# Of what PIL can open; PostScript and other programs are not run.
FORMATS = tuple(name for name in (
    'JPEG', 'PNG', 'BMP', 'TIFF', 'WEBP', 'GIF', 'PPM', 'JPEG2000', 'AVIF')
    if name in Image.OPEN)
PAGED = ('TIFF', 'GIF', 'PNG', 'WEBP', 'AVIF')  # not MPO: phones' previews
ORIENTATION = 0x0112  # tag of EXIF
BITS_PER_SAMPLE, SAMPLE_FORMAT, REDUCED = 258, 339, 254  # tags of TIFF
FLOATING = 3  # value of SAMPLE_FORMAT
# What begins like this is whole, perhaps, but no image that a loader here
# knows: place in the file, bytes, name.
KNOWN = (
    (4, b'ftypheic', 'HEIF (HEIC)'), (4, b'ftypheix', 'HEIF (HEIC)'),
    (4, b'ftypmif1', 'HEIF'), (4, b'ftypavif', 'AVIF'),
    (0, b'\x76\x2f\x31\x01', 'OpenEXR'), (0, b'#?RADIANCE', 'Radiance HDR'),
    (0, b'II*\0', 'TIFF'), (0, b'MM\0*', 'TIFF'), (0, b'II+\0', 'BigTIFF'),
    (0, b'MM\0+', 'BigTIFF'), (0, b'\xff\x0a', 'JPEG XL'),
    (4, b'JXL ', 'JPEG XL'), (0, b'%PDF', 'PDF'), (0, b'%!PS', 'PostScript'),
    (0, b'8BPS', 'Photoshop'), (0, b'\x93NUMPY', 'NumPy array'),
    (128, b'DICM', 'DICOM'), (0, b'PK\x03\x04', 'zip archive'),
    (0, b'<svg', 'SVG'), (0, b'<!DOCTYPE', 'web page'),
    (0, b'<html', 'web page'), (0, b'version https://git-lfs',
                                'pointer of Git LFS, not the file'))


class Header(NamedTuple):
    """What a file says about itself.

    Attributes:
        format (str): As PIL calls it; else by its first bytes.
        mode (str): PIL's; else the number of channels.
        bits (int): Of a channel.
        floating (bool): Whether the values are floating-point numbers.
        pages (int): Pages or frames, without previews.
        orientation (int): Of EXIF; 1 is upright.
    """

    format: str
    mode: str
    bits: int
    floating: bool = False
    pages: int = 1
    orientation: int = 1

    def __str__(self) -> str:
        """Such as ``TIFF, mode F, 32 bits, floating point``."""
        kind = ', floating point' if self.floating else ''
        return f'{self.format}, {self.mode}, {self.bits} bits{kind}'


def name_of(data: bytes) -> str:
    """The format of a file by its first bytes; empty if it is none known."""
    start = data[:16].lstrip().lower()
    for place, mark, name in KNOWN:
        if data[place:place + len(mark)] == mark or (
                mark[:1] == b'<' and start.startswith(mark.lower())):
            return name
    return ''


def of_pixels(data: bytes, name: str) -> Tuple[Optional[np.ndarray], Header]:
    """Pixels as OpenCV finds them in a file, neither narrowed nor turned."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8),
                          cv2.IMREAD_UNCHANGED) if data else None
    if pixels is None:
        return None, Header(name, '', 8)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    return pixels, Header(
        name or 'unknown format', f'{channels} channel{"s" * (channels > 1)}',
        8 * pixels.itemsize, pixels.dtype.kind == 'f')


def depth(file: Image.Image, data: bytes) -> Tuple[int, bool]:
    """Bits of a channel, and whether they are a floating-point number.

    PIL itself narrows colours of 16 bits, and its mode is RGB then.
    """
    if file.format == 'PNG':
        return data[24], False  # of the chunk IHDR, which comes first
    if isinstance(file, TiffImageFile):
        tags = file.tag_v2
        return (max(tags.get(BITS_PER_SAMPLE, (1,))),
                FLOATING in tags.get(SAMPLE_FORMAT, ()))
    if file.format in ('PPM', 'JPEG2000', 'AVIF'):
        header = of_pixels(data, '')[1]
        return header.bits, header.floating
    return 8, False


def pages(file: Image.Image) -> int:
    """Pages or frames of an open file; overviews of a TIFF do not count."""
    number = getattr(file, 'n_frames', 1) if file.format in PAGED else 1
    if number > 1 and isinstance(file, TiffImageFile):
        file.seek(1)
        number = 1 if file.tag_v2.get(REDUCED, 0) & 1 else number
        file.seek(0)
    return number


def decode(path: str) -> Tuple[np.ndarray, Header]:
    """Decode a file to its last pixel.

    OpenCV, which loads images in training, accepts half a JPEG; PIL does not.
    Its limit of pixels is checked before anything is decoded. What PIL does
    not know at all, such as floating-point TIFFs of three channels, OpenCV
    may.

    Args:
        path (str): Of a regular file.

    Returns:
        tuple[np.ndarray, Header]: Pixels, and what the file says of them.

    Raises:
        Exception: Whatever a damaged file makes a decoder raise.
    """
    data = Path(path).read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        warnings.simplefilter('error', Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as file:
                bits, floating = depth(file, data)
                header = Header(
                    file.format or '', f'mode {file.mode}', bits, floating,
                    pages(file), file.getexif().get(ORIENTATION, 1))
                file.load()
                return np.asarray(file), header
        except UnidentifiedImageError:
            pixels, header = of_pixels(data, name_of(data))
            if pixels is None:
                raise
            return pixels, header


def missing(path: str, what: str) -> Fault:
    """The fault of a file that is not there.

    Args:
        path (str): The file.
        what (str): ``image`` or ``mask``.
    """
    return Fault(f'{what}_missing', path + near(path))


def near(path: str) -> str:
    """Files that may be meant: another suffix, case or Unicode form."""
    def plain(name: str) -> str:
        return unicodedata.normalize('NFC', name).casefold().strip()

    wanted = Path(path)
    if osp.lexists(path):
        return ' (no regular file)'
    if not wanted.parent.is_dir():
        return f' (the folder {wanted.parent} is missing)'
    twice = wanted.with_suffix('')
    if twice.suffix and twice.is_file():
        return f' (there is {twice.name}: lists give names without suffix)'
    found = sorted(p.name for p in wanted.parent.iterdir()
                   if plain(p.stem) == plain(wanted.stem))
    return f' (there is {", ".join(found[:3])})' if found else ''


def unreadable(path: str, what: str, error: Any) -> Fault:
    """The true cause why a loader fails on a file that is there.

    Args:
        path (str): The file.
        what (str): ``image`` or ``mask``.
        error (Exception | str): Of the loader.

    Returns:
        Fault: ``*_format``, naming format and bits, where the file is whole;
        ``*_foreign``, ``*_bomb`` or ``*_damaged``.
    """
    try:
        _, header = decode(path)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return Fault(f'{what}_bomb',
                     f'{path}: more than {Image.MAX_IMAGE_PIXELS} pixels')
    except UnidentifiedImageError:
        return no_image(path, what)
    except Exception as cause:  # decoders raise anything on damaged files
        return Fault(f'{what}_damaged',
                     f'{path}: {type(cause).__name__}: {cause}')
    reason = f' ({error})' if path not in str(error) else ''
    return Fault(f'{what}_format', f'{path}: {header}{reason}')


def no_image(path: str, what: str) -> Fault:
    """The fault of a file that neither PIL nor OpenCV knows."""
    data = Path(path).read_bytes()
    name = name_of(data)
    if name:
        return Fault(f'{what}_foreign', f'{path}: {name}')
    reason = f'no image, begins with {data[:12]!r}' if data else '0 bytes'
    return Fault(f'{what}_damaged', f'{path}: {reason}')
