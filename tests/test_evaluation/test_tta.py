"""Sizes and steps of test-time augmentation."""

import itertools

import cv2
import numpy as np
import pytest
from conftest import ROOT
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from PIL import Image

from mmseg_pseudoseg.evaluation.tta import augment, enable_tta

FACTORS = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
LOAD, MASK, PACK = (dict(type=name) for name in (
    'LoadImageFromFile', 'LoadAnnotations', 'PackSegInputs'))


@pytest.fixture(scope='module')
def tta():
    cfg = Config.fromfile(ROOT / 'configs/_base_/default_runtime.py')
    return cfg.tta_pipeline


@pytest.fixture()
def image(tmp_path):
    """A photograph of 300 x 400 with a mask, as a data set hands it over."""
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / 'x.png'),
                rng.integers(0, 255, (300, 400, 3)).astype(np.uint8))
    Image.fromarray(np.ones((300, 400), np.uint8)).save(tmp_path / 'm.png')
    return lambda: dict(
        img_path=str(tmp_path / 'x.png'), seg_map_path=str(tmp_path / 'm.png'),
        seg_fields=[], reduce_zero_label=False, label_map=None)


def results(steps, image):
    done = Compose(steps)(image())
    return [(tuple(x.shape[1:]), s.get('flip', False), s.gt_sem_seg.shape)
            for x, s in zip(done['inputs'], done['data_samples'])]


@pytest.mark.parametrize('resize, base', [
    (None, (300, 400)),
    (dict(type='Resize', scale=(192, 192), keep_ratio=True), (144, 192)),
    (dict(type='Resize', scale=(192, 96), keep_ratio=False), (96, 192)),
    (dict(type='Resize', scale_factor=0.5, keep_ratio=True), (150, 200)),
    (dict(type='ResizeShortestEdge', scale=120, max_size=160), (120, 160)),
])
def test_factors_are_of_what_the_test_pipeline_makes(tta, image, resize,
                                                     base):
    test = [LOAD, *([resize] if resize else []), MASK, PACK]
    plain = Compose(test)(image())
    assert tuple(plain['inputs'].shape[1:]) == base
    found = results(augment(test, tta), image)
    expected = {(round(base[0] * f), round(base[1] * f), flip)
                for f, flip in itertools.product(FACTORS, (False, True))}
    assert len(found) == 12
    for (height, width), flip, truth in found:
        near, = [e for e in expected if e[2] == flip
                 and abs(e[0] - height) <= 1 and abs(e[1] - width) <= 1]
        expected.remove(near)
        assert truth == (300, 400)  # compared at its own size
    assert not expected


def test_other_steps_are_those_of_the_test(tta):
    """Another reader, and what stands behind the resizing."""
    load = dict(LOAD, imdecode_backend='pillow')
    pack = dict(PACK, meta_keys=('img_path', 'flip'))
    made = augment([load, dict(type='Resize', scale=(9, 9)), MASK, pack], tta)
    assert made[0] == load and made[1]['type'] == 'TestTimeAug'
    assert made[1]['transforms'][2:] == [[MASK], [pack]]
    assert [len(one) for one in made[1]['transforms']] == [6, 2, 1, 1]
    assert len(tta[1]['transforms']) == 4  # the config's own is unchanged


def test_sizes_in_pixels_stay_as_they_are():
    own = [LOAD, dict(type='TestTimeAug', transforms=[
        [dict(type='Resize', scale=(640, 640))], [PACK]])]
    assert augment([LOAD, dict(type='Resize', scale=(9, 9)), PACK],
                   own) == own


@pytest.mark.parametrize('key', ['tta_model', 'tta_pipeline'])
def test_a_missing_key_is_named(key):
    cfg = Config.fromfile(ROOT / 'configs/pseudoseg/voc_1_8.py')
    cfg.pop(key)
    with pytest.raises(ValueError, match=f'voc_1_8.py has no {key}'):
        enable_tta(cfg)


@pytest.mark.parametrize('name, side', [
    ('pseudoseg/voc_1_8', 400), ('pseudoseg/city_1_4_r101', 400),
    ('pseudoseg/coco_1_32_x65', 400), ('pseudoseg/isaid_1_8', 400),
    ('pseudoseg/highdata_coco_x65', 400), ('demo/pseudoseg_digits', None),
    ('small/pseudoseg_animals_1_16', 192), ('small/st_animals_1_16', 192)])
def test_shipped_configs(image, name, side):
    """Of each data set one: the longer sides of a photograph's copies."""
    init_default_scope('mmseg')
    cfg = Config.fromfile(ROOT / f'configs/{name}.py')
    plain = Compose(cfg.test_dataloader.dataset.pipeline)(image())
    if side is None:
        side = max(plain['inputs'].shape[1:])
    assert side == max(plain['inputs'].shape[1:])
    model = cfg.model
    enable_tta(cfg)
    assert cfg.model.module == model and cfg.model.type == 'SegTTAModel'
    found = {max(size) for size, _, _ in results(
        cfg.test_dataloader.dataset.pipeline, image)}
    assert found == {round(side * f) for f in FACTORS}
