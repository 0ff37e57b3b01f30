"""Centred CutOut: where the box falls, and what it leaves."""

import numpy as np
import pytest
import torch
from conftest import tiny_dataset
from mmcv.transforms import Compose
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_pseudoseg.datasets import (
    CutOut,
    MultiBranch,
    SeededIndex,
    multi_branch_collate,
)
from mmseg_pseudoseg.datasets.semi_dataset import local_seed
from mmseg_pseudoseg.models import MultiBranchDataPreprocessor

SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)  # of voc12.py
PACK = dict(type='PackSemiInputs')


def scene(height=9, width=7):
    """Image of 200s and map of 4s."""
    return dict(img=np.full((height, width, 3), 200, np.uint8),
                gt_seg_map=np.full((height, width), 4, np.uint8))


def cut(size, height=9, width=7, canvas=None):
    return CutOut(size, canvas)(scene(height, width))


def probability(size, position, length):
    """Share of the centres whose box covers a position, by counting."""
    covering = 0
    for centre in range(length):
        box = range(centre - size // 2, centre - size // 2 + size)
        covering += position in box
    return covering / length


def inside(box, height=9, width=7):
    """The pixels of an image that a box takes, one by one."""
    top, left, bottom, right = box
    return np.array([[top <= y < bottom and left <= x < right
                      for x in range(width)] for y in range(height)])


@pytest.mark.parametrize('size, canvas', [(3, None), (4, None), (4, (9, 7)),
                                          (4, (12, 11))])
def test_centre_is_uniform_over_the_canvas(size, canvas):
    np.random.seed(0)
    rows, columns = canvas or (9, 7)
    draws = 3000
    counts = np.zeros((9, 7))
    for _ in range(draws):
        counts += cut(size, canvas=canvas)['gt_seg_map'] == 255
    for y in range(9):
        for x in range(7):
            p = probability(size, y, rows) * probability(size, x, columns)
            error = np.sqrt(p * (1 - p) / draws)
            assert abs(counts[y, x] / draws - p) < 4.5 * error, (y, x)
    # The law is not that of a box that must fit, or of a corner drawn
    # uniformly: the middle is cut more often than the corners.
    assert counts[4, 3] > 1.5 * counts[0, 0] > 0
    assert counts[8, 6] > 0


@pytest.mark.parametrize('canvas, expected', [((513, 513), 0.0347),
                                              (None, 0.0622)])
def test_share_of_real_pixels_erased_of_voc(canvas, expected):
    """Images of 500 x 375 at VOC's scales, cropped to 513 and padded."""
    np.random.seed(0)
    shares, law = [], []
    for scale in SCALES:
        height, width = (min(513, int(side * scale)) for side in (375, 500))
        rows, columns = canvas or (height, width)
        law.append(np.mean([probability(100, y, rows) for y in range(height)])
                   * np.mean([probability(100, x, columns)
                              for x in range(width)]))
        results, found = scene(height, width), []
        for _ in range(400):
            results['gt_seg_map'][:] = 0
            results = CutOut(100, canvas)(results)
            found.append(np.count_nonzero(results['gt_seg_map']))
        shares.append(np.mean(found) / (height * width))
    assert np.mean(law) == pytest.approx(expected, abs=5e-5)
    assert np.mean(shares) == pytest.approx(np.mean(law), rel=0.1)


@pytest.mark.parametrize('canvas', [None, (12, 11)])
def test_box_is_a_clipped_rectangle_in_image_and_map(canvas):
    np.random.seed(1)
    rows, columns = canvas or (9, 7)
    sizes, outside = set(), 0
    for _ in range(300):
        results = cut(5, canvas=canvas)
        box, = results['erased_boxes']
        assert all(type(side) is int for side in box)
        top, left, bottom, right = box
        assert 0 <= top < bottom <= rows and 0 <= left < right <= columns
        here = inside(box)
        assert (results['gt_seg_map'][here] == 255).all()
        assert (results['gt_seg_map'][~here] == 4).all()
        assert (results['img'][here] == 0).all()
        assert (results['img'][~here] == 200).all()
        sizes.add((bottom - top, right - left))
        outside += not here.any()
    assert max(sizes) == (5, 5)  # nowhere larger
    assert min(sizes) == (3, 3)  # centre in the corner: half of it inside
    assert (outside > 0) == (canvas is not None)


def test_a_box_larger_than_the_image_takes_it_all():
    results = cut(100)
    assert (results['gt_seg_map'] == 255).all() and not results['img'].any()
    assert results['erased_boxes'] == [(0, 0, 9, 7)]


def test_the_seed_decides():
    boxes = []
    for seed in (3, 3, 4):
        with local_seed(seed):
            boxes.append(cut(2, canvas=(40, 40))['erased_boxes'])
    assert boxes[0] == boxes[1] != boxes[2]


@pytest.mark.parametrize('kwargs, words', [
    (dict(size=0), 'size >= 1'),
    (dict(size=3, canvas=7), r'canvas must be \(height, width\).*crop_size'),
    (dict(size=3, canvas=(0, 4)), r'canvas must be \(height, width\)'),
    (dict(size=3, fill=(1, 2, 3)),
     'fill is gone.*mean colour.*remove.*canvas=crop_size')])
def test_what_is_refused(kwargs, words):
    with pytest.raises((TypeError, ValueError), match=words):
        TRANSFORMS.build(dict(type='CutOut', **kwargs))


def test_a_canvas_smaller_than_the_image_is_refused():
    with pytest.raises(ValueError, match=r'CutOut.canvas is \(9, 6\).*'
                       r'\(9, 7\).*RandomCrop.crop_size'):
        cut(3, canvas=(9, 6))


@pytest.mark.parametrize('boxes', [1, 2])
def test_the_network_sees_exact_zeros_in_the_box(boxes):
    """And nowhere else: the mean colour is no level of 8 bits."""
    np.random.seed(0)
    steps = [dict(type='CutOut', size=4, canvas=(12, 11))] * boxes
    views = MultiBranch(weak=[PACK], strong=[*steps, PACK])
    data = [views(dict(scene(), seg_fields=['gt_seg_map'])) for _ in range(30)]
    made = MultiBranchDataPreprocessor(
        mean=[100.5, 90.25, 80.125], std=[50.] * 3, size=(12, 11))(
            multi_branch_collate(data), True)
    partly = 0
    for k, one in enumerate(data):
        strong, weak = (made['inputs'][view][k] for view in (
            'strong', 'weak'))
        found = one['data_samples']['strong'].erased_boxes
        assert len(found) == boxes
        assert 'erased_boxes' not in one['data_samples']['weak']
        zero = torch.ones(12, 11, dtype=torch.bool)
        zero[:9, :7] = torch.from_numpy(np.any(
            [inside(box) for box in found], axis=0))
        assert torch.equal(strong == 0, zero.expand(3, -1, -1))
        assert torch.equal(strong[:, ~zero], weak[:, ~zero])
        partly += not zero.all()
    assert partly


def test_steps_without_views_erase_too():
    """A stock pipeline packed by PackSemiInputs, or by the stock step."""
    np.random.seed(0)
    made = MultiBranchDataPreprocessor(
        mean=[100.5] * 3, std=[50.] * 3, size=(9, 7))
    for pack, zero in (('PackSemiInputs', True), ('PackSegInputs', False)):
        one = Compose([dict(type='CutOut', size=4), dict(type=pack)])(scene())
        data = made(dict(inputs=[one['inputs']],
                         data_samples=[one['data_samples']]), True)
        cut_out = data['data_samples'][0].gt_sem_seg.data == 255
        pixels = data['inputs'][0][:, cut_out[0]]
        # The stock one keeps no box: black, as packed.
        assert (pixels == 0).all() if zero else (pixels == -2.01).all()
        assert (data['inputs'][0][:, ~cut_out[0]] > 1).all()


def test_pixels_that_move_after_the_box_are_refused():
    np.random.seed(0)
    steps = Compose([
        dict(type='CutOut', size=3),
        dict(type='RandomFlip', prob=1., direction='horizontal'), PACK])
    with pytest.raises(ValueError, match='put CutOut behind every.* flip'):
        for _ in range(9):  # a box in the middle stays where it is
            steps(dict(scene(), seg_fields=['gt_seg_map']))


def test_a_sample_of_the_toy_is_erased_on_its_crop(voc_root):
    """The box is drawn with the sample's seed, on 33 x 33."""
    dataset = DATASETS.build(tiny_dataset(voc_root))
    seen = set()
    for seed in range(40):
        sample, again = (dataset[SeededIndex(9, seed)] for _ in range(2))
        strong = sample['data_samples']['strong']
        assert strong.erased_boxes == again['data_samples'][
            'strong'].erased_boxes
        (_, _, bottom, right), = strong.erased_boxes
        assert max(bottom, right) <= 33
        seen.add(bottom > strong.img_shape[0] or right > strong.img_shape[1])
    assert seen == {True, False}
