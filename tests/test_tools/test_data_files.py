"""What is found out about one image and its mask."""

import importlib

import numpy as np
import pytest
from benching import tools_path  # noqa: F401  (a fixture)
from mmcv.transforms import LoadImageFromFile
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

RGB = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
MASK = np.arange(600, dtype=np.uint8).reshape(20, 30) % 3


@pytest.fixture()
def codes(tools_path, tmp_path):  # noqa: F811
    """``codes(image, mask)``: faults of a pair, written by these functions."""
    files = importlib.import_module('_data_files')

    def run(image=None, mask=None, **loaders):
        paths = [str(tmp_path / name) for name in ('image', 'mask')]
        (image or (lambda p: Image.fromarray(RGB).save(p, 'PNG')))(paths[0])
        (mask or (lambda p: Image.fromarray(MASK).save(p, 'PNG')))(paths[1])
        info = dict(img_path=paths[0], seg_map_path=paths[1],
                    reduce_zero_label=False, label_map=None)
        facts = files.inspect(files.Job(
            info, loaders.get('images', LoadImageFromFile()),
            loaders.get('masks', LoadAnnotations()), 3, 255))
        return [fault.code for fault in facts.faults]

    return run


def save(array, kind='PNG', **kwargs):
    return lambda path: Image.fromarray(array).save(path, kind, **kwargs)


def turned(kind):
    if kind == 'TIFF':
        return dict(tiffinfo={0x0112: 3})
    exif = Image.Exif()
    exif[0x0112] = 3
    return dict(exif=exif)


def test_a_plain_pair(codes):
    assert codes() == []


def test_transparency_is_told_where_it_hides_something(codes):
    alpha = np.dstack([RGB, np.full((20, 30), 255, np.uint8)])
    assert codes(save(alpha)) == []
    alpha[3, 4, 3] = 0
    assert codes(save(alpha)) == ['image_transparent']


@pytest.mark.parametrize('kind', ['TIFF', 'GIF', 'WEBP'])
def test_several_pages(codes, kind):
    assert codes(save(RGB, kind, save_all=True, append_images=[
        Image.fromarray(255 - RGB)])) == ['image_pages']


def test_a_narrow_image_is_one_that_the_loader_narrows(codes):
    wide = save(RGB[..., 0].astype(np.uint16) * 16)
    assert codes(wide) == ['image_deep']
    keep = LoadImageFromFile(color_type='unchanged')
    assert codes(wide, images=keep) == []


@pytest.mark.parametrize('image', ['PNG', 'JPEG', 'TIFF', 'WEBP'])
@pytest.mark.parametrize('mask', ['PNG', 'TIFF'])
@pytest.mark.parametrize('both', [False, True])
def test_who_is_turned_with_whom(codes, image, mask, both):
    """The oracle: corners of image and mask as the stock loaders give them."""
    ground, ids = np.zeros_like(RGB), np.zeros_like(MASK)
    ground[:10, :15], ids[:10, :15] = 255, 1  # upper left
    loaded = []

    class Watched(LoadImageFromFile):
        def transform(self, results):
            loaded.append(super().transform(results)['img'])
            return results

    class WatchedMask(LoadAnnotations):
        def transform(self, results):
            loaded.append(super().transform(results)['gt_seg_map'])
            return results

    found = codes(save(ground, image, **turned(image)),
                  save(ids, mask, **(turned(mask) if both else {})),
                  images=Watched(), masks=WatchedMask())
    fits = (loaded[0][2, 2, 0] > 128) == (loaded[1][2, 2] == 1)
    assert found == ([] if fits else ['image_turned'])


def test_masks_that_are_no_class_ids(codes):
    assert codes(mask=save(MASK.astype(np.float32), 'TIFF')) == [
        'mask_floating']
    assert codes(mask=save(MASK.astype(np.uint16) * 300)) == ['mask_deep']
    assert codes(mask=save(MASK.astype(np.uint16))) == []
    assert codes(mask=save(MASK == 1)) == []
    palette = Image.fromarray(MASK)
    palette.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])

    def write(path):
        palette.save(path, 'PNG')

    assert codes(mask=write) == []
    assert codes(mask=write, masks=LoadAnnotations(
        imdecode_backend='cv2')) == ['mask_colour']
