"""The paper's random scales are factors of the image, whatever its size."""

from collections import Counter
from math import floor

import cv2
import mmcv
import numpy as np
import pytest
from conftest import ROOT
from mmengine.config import Config
from mmengine.dataset import Compose

FACTORS = [.5, .75, 1., 1.25, 1.5, 1.75, 2.]
DATASETS = ('voc12', 'coco81', 'cityscapes', 'isaid')
DRAWS = 60


def steps(name):
    """A data set's labelled steps up to its random scale."""
    cfg = Config.fromfile(ROOT / f'configs/_base_/datasets/{name}.py')
    kinds = [step.type for step in cfg.labeled_steps]
    found = cfg.labeled_steps[:kinds.index('RandomCrop')]
    return [step for step in found if step.type != 'CheckAnnotations']


def scaled(size, factor):
    """Height and width, each rounded."""
    return tuple(floor(factor * side + .5) for side in size)


def check(size, shapes):
    """Each factor occurs, about equally often, and nothing else."""
    expected = {scaled(size, factor): factor for factor in FACTORS}
    counts = Counter(expected[shape] for shape in shapes)
    assert sorted(counts) == FACTORS
    assert max(counts.values()) < len(shapes) / 2


@pytest.mark.parametrize('name', DATASETS)
def test_photographs_of_different_sizes(name, shared, monkeypatch):
    folder = shared / 'data' / 'voc_animals'
    by_size = {}
    for path in sorted((folder / 'SegmentationClass').glob('*.png')):
        with open(path, 'rb') as file:  # width and height of a PNG
            size = np.frombuffer(file.read(24)[16:], '>u4')
        by_size.setdefault(tuple(size.tolist()), path)
        if len(by_size) == 4:
            break
    stock, decoded = mmcv.imfrombytes, []
    monkeypatch.setattr(mmcv, 'imfrombytes', lambda *args, **kwargs: (
        decoded.append(1), stock(*args, **kwargs))[1])
    pipeline = Compose(steps(name))
    np.random.seed(0)
    for (width, height), path in by_size.items():
        image = folder / 'JPEGImages' / f'{path.stem}.jpg'
        results = [pipeline(dict(
            img_path=str(image), seg_map_path=str(path), seg_fields=[],
            reduce_zero_label=False)) for _ in range(DRAWS)]
        check((height, width), [one['img'].shape[:2] for one in results])
        assert all(one['gt_seg_map'].shape == one['img'].shape[:2] ==
                   one['img_shape'] for one in results)
    assert len(decoded) == len(by_size) * DRAWS * 2  # an image and its mask


@pytest.mark.parametrize('name', DATASETS)
@pytest.mark.parametrize('size', [(375, 500), (167, 500), (480, 640),
                                  (1333, 999)])
def test_sizes_that_are_far_from_square(name, size):
    pipeline = Compose(steps(name)[2:])
    np.random.seed(0)
    image = np.zeros((*size, 3), np.uint8)
    check(size, [pipeline(dict(img=image))['img'].shape[:2]
                 for _ in range(DRAWS)])


def test_pixels_are_those_of_a_plain_resize():
    image = np.random.default_rng(0).integers(0, 255, (20, 31, 3), np.uint8)
    pipeline = Compose(steps('voc12')[2:])
    np.random.seed(0)
    for _ in range(DRAWS):
        found = pipeline(dict(img=image))['img']
        height, width = found.shape[:2]
        np.testing.assert_array_equal(
            found, cv2.resize(image, (width, height)))
