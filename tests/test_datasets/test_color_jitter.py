"""Colour jitter: a random order of operations (test_colors.py)."""

from collections import Counter

import numpy as np
import pytest
from test_datasets.test_colors import off_by, oracle

from mmseg_pseudoseg.datasets import ColorJitter

NAMES = [
    'adjust_brightness', 'adjust_contrast', 'adjust_saturation', 'adjust_hue'
]


def photo(height=9, width=11):
    """Random colours, some of them grey, black and white."""
    img = np.random.default_rng(0).integers(0, 256, (height, width, 3))
    img[0, 0], img[0, 1], img[0, 2] = 0, 255, 77
    return img.astype(np.uint8)


class Recorder:
    """Runs an operation and notes its name, value, input and output."""

    def __init__(self, operation, calls):
        self.operation, self.calls = operation, calls

    def __eq__(self, other):
        return self.operation == other

    def __hash__(self):
        return hash(self.operation)

    def __call__(self, planes, value, out, spare):
        """Run it."""
        self.operation(planes, value, out, spare)
        self.calls.append(
            (self.operation.__name__, value, planes.copy(), out.copy()))


def record(jitter):
    """Note all calls of a jitter's operations from now on."""
    calls = []
    jitter.ranges = {
        Recorder(operation, calls): limits
        for operation, limits in jitter.ranges.items()
    }
    return calls


def by_planes(img):
    """(h, w, 3) as (3, h, w)."""
    return img.transpose(2, 0, 1)


@pytest.mark.parametrize('height, times', [(9, 60), (133, 4)])
def test_transform_equals_the_chain_of_loops(height, times):
    """Each operation takes up what the last one left, rounded to a level."""
    np.random.seed(1)
    jitter, img = ColorJitter(), photo(height)
    calls = record(jitter)
    for _ in range(times):
        results = jitter(dict(img=img.copy(), img_path='a.jpg'))
        now = by_planes(img)
        for name, value, planes, out in calls:
            np.testing.assert_array_equal(planes, now)
            expected = oracle(name, planes / 255., value)
            np.testing.assert_allclose(out, 255 * expected, rtol=0,
                                       atol=off_by(name, value))
            now = out
        assert sorted(name for name, *_ in calls) == sorted(NAMES)
        calls.clear()
        assert results['img'].dtype == np.uint8
        assert results['img_path'] == 'a.jpg'
        np.testing.assert_array_equal(by_planes(results['img']), now)


def test_rounding_between_operations_is_a_level():
    """All four on floats, as the authors have them, are hardly elsewhere."""
    np.random.seed(1)
    jitter, img, gaps = ColorJitter(), photo(40, 50), []
    calls = record(jitter)
    for _ in range(12):
        out = jitter(dict(img=img.copy()))['img']
        expected = by_planes(img) / 255.
        for name, value, *_ in calls:
            expected = oracle(name, expected, value)
        calls.clear()
        gaps.append(abs(by_planes(out) - 255 * expected))
    assert np.mean(gaps) < .5  # .25 from the last rounding alone
    assert np.quantile(gaps, .999) < 2.5


@pytest.mark.parametrize('strength, limits', [
    (0.4, [(-.2, .2), (.8, 1.2), (.8, 1.2), (-.1, .1)]),
    (1.0, [(-.5, .5), (.5, 1.5), (.5, 1.5), (-.25, .25)]),
    (3.0, [(-1, 1), (0, 2.5), (0, 2.5), (-.5, .5)]),
])
def test_strength_scales_all_ranges(strength, limits):
    np.random.seed(0)
    jitter = ColorJitter(strength)
    calls = record(jitter)
    for _ in range(500):
        jitter(dict(img=np.zeros((1, 1, 3), np.uint8)))
    for name, (low, high) in zip(NAMES, limits):
        values = np.array([value for n, value, *_ in calls if n == name])
        slack = (high - low) * 0.02
        assert low <= values.min() < low + slack
        assert high - slack < values.max() <= high
        # Uniform: the mean within four standard errors, quarters even.
        error = (high - low) / np.sqrt(12 * len(values))
        assert abs(values.mean() - (low + high) / 2) < 4 * error
        quarters = np.histogram(values, 4, (low, high))[0]
        assert quarters.min() > 85


def test_order_is_random():
    np.random.seed(0)
    jitter = ColorJitter()
    calls = record(jitter)
    for _ in range(1200):
        jitter(dict(img=np.zeros((1, 1, 3), np.uint8)))
    names = [name for name, *_ in calls]
    orders = Counter(tuple(names[i:i + 4]) for i in range(0, len(names), 4))
    assert len(orders) == 24
    assert all(len(set(order)) == 4 for order in orders)
    assert min(orders.values()) > 22 and max(orders.values()) < 82  # of 50


@pytest.mark.parametrize('kwargs', [dict(prob=0), dict(strength=0)])
def test_switched_off_it_keeps_every_pixel(kwargs):
    np.random.seed(0)
    levels = np.arange(256, dtype=np.uint8)
    img = np.stack(np.meshgrid(levels[::5], levels[::5], [3, 128]), -1)
    img = img.reshape(52, -1, 3).astype(np.uint8)
    for _ in range(10):
        out = ColorJitter(**kwargs)(dict(img=img.copy()))['img']
        np.testing.assert_array_equal(out, img)


def test_prob_is_the_share_of_distorted_images():
    np.random.seed(0)
    jitter = ColorJitter(prob=0.3)
    changed = sum(
        not np.array_equal(jitter(dict(img=photo(2, 3)))['img'], photo(2, 3))
        for _ in range(2000))
    assert abs(changed - 600) < 4 * np.sqrt(2000 * .3 * .7)


def test_memory_is_kept_but_no_pixels_are():
    """A small image after a large one, and a large one again."""
    alone, reused = [], ColorJitter()
    for size in ((40, 30), (5, 7), (60, 50)):
        for jitter in (ColorJitter(), reused):
            np.random.seed(3)
            alone.append(jitter(dict(img=photo(*size)))['img'])
        assert np.array_equal(*alone[-2:])
    first = alone[0].copy()
    reused(dict(img=photo(40, 30)))
    assert np.array_equal(alone[0], first)  # it is not the working memory


def test_the_weak_view_keeps_its_pixels():
    np.random.seed(0)
    img = photo()
    out = ColorJitter()(dict(img=img))['img']
    assert not np.array_equal(out, img)
    np.testing.assert_array_equal(img, photo())


@pytest.mark.parametrize('kwargs', [dict(strength=-1), dict(prob=1.5)])
def test_impossible_arguments_are_refused(kwargs):
    with pytest.raises(ValueError, match='strength >= 0 and prob'):
        ColorJitter(**kwargs)


@pytest.mark.parametrize('img', [
    photo().astype(np.float32), photo()[..., :1], photo()[..., 0]])
def test_other_images_are_refused(img):
    with pytest.raises(ValueError, match='8 bits.*to_float32=False'):
        ColorJitter()(dict(img=img))
