"""Formats that OpenCV narrows, turns or does not load: called by their name.

The oracle of a narrowed format is the stock loader: 12-bit values 0..4095
come out as 0..15.
"""

import cv2
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from PIL import Image

from mmseg_pseudoseg.datasets.file_faults import MEANING, sentence
from mmseg_pseudoseg.datasets.image_files import decode, near, unreadable

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (20, 30, 3)).astype(np.uint8)
WIDE = RGB.astype(np.uint16) * 16  # 12 bits in 16
PAGES = [Image.fromarray(255 - RGB)]


def by_cv2(array):
    return lambda path: cv2.imwrite(str(path), array)


def by_pil(array, mode=None, **kwargs):
    image = Image.fromarray(array)
    image = image.convert(mode) if mode else image
    return lambda path: image.save(path, **kwargs)


# Name -> how it is written, bits of a channel, floating point, pages.
FORMATS = {
    'rgb.jpg': (by_pil(RGB), 8, False, 1),
    'adobe cmyk.jpg': (by_pil(RGB, 'CMYK'), 8, False, 1),
    'grey.png': (by_pil(RGB, 'L'), 8, False, 1),
    'palette.png': (by_pil(RGB, 'P'), 8, False, 1),
    'bilevel.png': (by_pil(RGB, '1'), 1, False, 1),
    'alpha.png': (by_pil(RGB, 'RGBA'), 8, False, 1),
    'rgb16.png': (by_cv2(WIDE), 16, False, 1),
    'rgba16.png': (by_cv2(np.dstack([WIDE, WIDE[..., 0]])), 16, False, 1),
    'grey16.png': (by_cv2(WIDE[..., 0]), 16, False, 1),
    'rgb16.tif': (by_cv2(WIDE), 16, False, 1),
    'grey16.tif': (by_cv2(WIDE[..., 0]), 16, False, 1),
    'rgb16.ppm': (by_cv2(WIDE), 16, False, 1),
    'cmyk.tif': (by_pil(RGB, 'CMYK'), 8, False, 1),
    'int32.tif': (by_pil(RGB[..., 0].astype(np.int32)), 32, False, 1),
    'float32.tif': (by_pil(RGB[..., 0].astype(np.float32)), 32, True, 1),
    'float32 rgb.tif': (by_cv2(RGB.astype(np.float32)), 32, True, 1),
    'float64.tif': (by_cv2(RGB[..., 0].astype(np.float64)), 64, True, 1),
    'float32.pfm': (by_cv2(RGB[..., 0].astype(np.float32)), 32, True, 1),
    'two pages.tif': (by_pil(RGB, save_all=True, append_images=PAGES), 8,
                      False, 2),
    'two frames.png': (by_pil(RGB, save_all=True, append_images=PAGES), 8,
                       False, 2),
    'two frames.gif': (by_pil(RGB, 'P', save_all=True, append_images=PAGES),
                       8, False, 2),
    'rgb.jp2': (by_pil(RGB), 8, False, 1),
    'rgb.webp': (by_pil(RGB), 8, False, 1),
    'rgb.bmp': (by_pil(RGB), 8, False, 1)}
UNLOADABLE = ('int32.tif', 'float32.tif', 'float32 rgb.tif', 'float64.tif')


@pytest.mark.parametrize('name', FORMATS)
def test_a_file_says_what_it_holds(tmp_path, name):
    write, bits, floating, pages = FORMATS[name]
    write(tmp_path / name)
    pixels, header = decode(str(tmp_path / name))
    assert pixels.shape[:2] == RGB.shape[:2]
    assert (header.bits, header.floating, header.pages) == (
        bits, floating, pages)
    try:
        loaded = LoadImageFromFile()(dict(img_path=str(tmp_path / name)))
    except AssertionError as error:
        assert name in UNLOADABLE
        fault = unreadable(str(tmp_path / name), 'image', error)
        assert fault.code == 'image_format'
        assert f'{bits} bits' in fault.detail
        assert ('floating point' in fault.detail) == floating
        assert 'damaged' not in sentence(fault)
        return
    assert name not in UNLOADABLE
    if bits == 16:  # what "keeps the upper 8" means
        assert loaded['img'].max() <= 16


FOREIGN = {
    'HEIF (HEIC)': b'\0\0\0\x18ftypheic\0\0\0\0mif1', 'PDF': b'%PDF-1.7\n',
    'web page': b'  <!doctype html><title>404</title>',
    'pointer of Git LFS, not the file': b'version https://git-lfs.github.com'
    b'/spec/v1\noid sha256:0\n', 'DICOM': bytes(128) + b'DICM',
    'NumPy array': b'\x93NUMPY\1\0', 'PostScript': b'%!PS-Adobe-3.0\n',
    'zip archive': b'PK\x03\x04rest', 'OpenEXR': b'v/1\1rest'}


@pytest.mark.parametrize('name', FOREIGN)
def test_what_is_no_image_is_called_by_its_name(tmp_path, name):
    path = tmp_path / 'a.jpg'
    path.write_bytes(FOREIGN[name])
    fault = unreadable(str(path), 'image', 'failed')
    assert fault.code == 'image_foreign' and fault.detail == f'{path}: {name}'


@pytest.mark.parametrize('content, text', [
    (b'', '0 bytes'), (b'no image at all', "begins with b'no image at"),
    (bytes(40), 'no image')])
def test_the_rest_is_damaged(tmp_path, content, text):
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    fault = unreadable(str(path), 'mask', 'failed')
    assert fault.code == 'mask_damaged' and text in fault.detail


@pytest.mark.parametrize('name', ['rgb.jpg', 'grey.png', 'rgb16.png',
                                  'float32.tif', 'cmyk.tif'])
def test_half_a_file_is_damaged_whatever_its_format(tmp_path, name):
    path = tmp_path / name
    FORMATS[name][0](path)
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    assert unreadable(str(path), 'image', 'x').code == 'image_damaged'


def test_overviews_of_a_tiff_are_no_pages(tmp_path):
    path = tmp_path / 'a.tif'
    small = Image.fromarray(RGB[::2, ::2].copy())
    small.encoderinfo = dict(tiffinfo={254: 1})
    Image.fromarray(RGB).save(path, save_all=True, append_images=[small])
    assert decode(str(path))[1].pages == 1


@pytest.mark.parametrize('suffix', ['jpg', 'png', 'webp', 'tif'])
def test_an_orientation_is_read_before_pil_turns_the_image(tmp_path, suffix):
    exif, path = Image.Exif(), tmp_path / f'a.{suffix}'
    exif[0x0112] = 3
    Image.fromarray(RGB).save(path, **(
        dict(tiffinfo={0x0112: 3}) if suffix == 'tif' else dict(exif=exif)))
    assert decode(str(path))[1].orientation == 3


def test_a_name_with_its_suffix_in_a_list(tmp_path):
    (tmp_path / 'l0.jpg').write_bytes(b'')
    assert near(str(tmp_path / 'l0.jpg.jpg')) == (
        ' (there is l0.jpg: lists give names without suffix)')
    assert near(str(tmp_path / 'l0.png')) == ' (there is l0.jpg)'
    assert 'is missing' in near(str(tmp_path / 'x' / 'l0.png'))


def test_every_fault_has_a_remedy():
    assert all(one.remedy and one.text for one in MEANING.values())
