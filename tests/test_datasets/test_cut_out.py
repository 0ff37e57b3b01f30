"""Centred CutOut: where the box falls, and what it leaves."""

import numpy as np
import pytest

from mmseg_pseudoseg.datasets import CutOut


def cut(size, height=9, width=7, fill=(10, 20, 30)):
    """Image of 200s and map of 4s, cut once."""
    return CutOut(size, fill)(
        dict(img=np.full((height, width, 3), 200, np.uint8),
             gt_seg_map=np.full((height, width), 4, np.uint8)))


def probability(size, position, length):
    """Share of the centres whose box covers a position, by counting."""
    covering = 0
    for centre in range(length):
        box = range(centre - size // 2, centre - size // 2 + size)
        covering += position in box
    return covering / length


@pytest.mark.parametrize('size', [3, 4])
def test_centre_is_uniform_over_the_image(size):
    np.random.seed(0)
    draws = 3000
    counts = np.zeros((9, 7))
    for _ in range(draws):
        counts += cut(size)['gt_seg_map'] == 255
    for y in range(9):
        for x in range(7):
            p = probability(size, y, 9) * probability(size, x, 7)
            error = np.sqrt(p * (1 - p) / draws)
            assert abs(counts[y, x] / draws - p) < 4.5 * error, (y, x)
    # The law is not that of a box that must fit, or of a corner drawn
    # uniformly: the middle is cut more often than the corners.
    assert counts[4, 3] > 1.5 * counts[0, 0] > 0
    assert counts[8, 6] > 0


def test_box_is_a_clipped_rectangle_in_image_and_map():
    np.random.seed(1)
    shapes = set()
    for _ in range(300):
        results = cut(5)
        ys, xs = np.nonzero(results['gt_seg_map'] == 255)
        box = np.ix_(range(ys.min(), ys.max() + 1),
                     range(xs.min(), xs.max() + 1))
        inside = np.zeros((9, 7), bool)
        inside[box] = True
        assert (results['gt_seg_map'][inside] == 255).all()
        assert (results['gt_seg_map'][~inside] == 4).all()
        assert (results['img'][inside] == [10, 20, 30]).all()
        assert (results['img'][~inside] == 200).all()
        shapes.add(results['gt_seg_map'][box].shape)
    assert max(shapes) == (5, 5)  # nowhere larger
    assert min(shapes) == (3, 3)  # centre in the corner: half of it inside


def test_a_box_larger_than_the_image_takes_it_all():
    results = cut(100)
    assert (results['gt_seg_map'] == 255).all()
    assert (results['img'] == [10, 20, 30]).all()


def test_fill_is_rounded_to_the_mean_pixel():
    results = cut(100, fill=(103.53, 116.28, 123.675))
    assert results['img'][0, 0].tolist() == [104, 116, 124]
    assert results['img'].dtype == np.uint8
    assert results['gt_seg_map'].dtype == np.uint8


def test_empty_box_is_refused():
    with pytest.raises(ValueError, match='size >= 1'):
        CutOut(0, (0, 0, 0))
