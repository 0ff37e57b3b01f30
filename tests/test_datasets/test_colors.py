"""Colour operations on 8-bit planes against loops in float64."""

import colorsys

import numpy as np
import pytest

from mmseg_pseudoseg.datasets.transforms.colors import (
    SPARE,
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
)


def clip(value):
    """To [0, 1]."""
    return min(max(value, 0.), 1.)


def oracle(name, planes, value):
    """One operation, pixel by pixel. (3, h, w), BGR in [0, 1], float64."""
    out = np.empty(planes.shape)
    height, width = planes.shape[1:]
    means = [sum(map(float, p.ravel())) / (height * width) for p in planes]
    for y in range(height):
        for x in range(width):
            b, g, r = map(float, planes[:, y, x])
            if name == 'adjust_brightness':
                pixel = b + value, g + value, r + value
            elif name == 'adjust_contrast':
                pixel = tuple(
                    value * v + (1 - value) * m
                    for v, m in zip((b, g, r), means))
            else:
                h, s, v = colorsys.rgb_to_hsv(r, g, b)
                if name == 'adjust_saturation':
                    s = clip(s * value)
                else:
                    h = (h + value) % 1
                pixel = colorsys.hsv_to_rgb(h, s, v)[::-1]
            out[:, y, x] = [clip(p) for p in pixel]
    return out


def off_by(name, value):
    """How many levels a result may be off: half a one from rounding.

    A saturation above 1 is multiplied in steps of 1/255 of what it grows by.
    """
    grows = name == 'adjust_saturation' and value > 1
    return .5 + 1e-3 + (.5 * (value - 1) if grows else 0)


def colors():
    """Planes of colours from everywhere: corners, greys, dark and random."""
    steps = np.array([0, 1, 2, 51, 127, 128, 200, 254, 255])
    grid = np.stack(np.meshgrid(steps, steps, steps)).reshape(3, -1)
    rng = np.random.default_rng(0)
    wild = rng.integers(0, 256, (3, 571))
    dull = 90 + rng.integers(0, 12, (3, 200))
    return np.hstack([grid, wild, dull]).astype(np.uint8).reshape(3, 30, 50)


CASES = [
    (adjust_brightness, (-1, -0.5, -0.001, 0, 0.3, 1)),
    (adjust_contrast, (0., 0.5, 1, 1.5, 2.5)),
    (adjust_saturation, (0., 0.5, 1, 1 + 1e-9, 1.01, 1.5, 2.5)),
    (adjust_hue, (-.5, -.34, -.25, -.17, -.1, 0, .01, 1 / 6, .25, 1 / 3, .5)),
]


@pytest.mark.parametrize('operation, value', [
    (operation, value) for operation, values in CASES for value in values])
def test_operation_equals_the_loop(operation, value):
    planes = colors()
    out = np.full_like(planes, 7)
    spare = np.full((SPARE, 30, 50), 9, np.uint8)
    operation(planes, value, out, spare)
    expected = oracle(operation.__name__, planes / 255., value)
    np.testing.assert_array_equal(planes, colors())  # the input is kept
    np.testing.assert_allclose(out, 255 * expected, rtol=0,
                               atol=off_by(operation.__name__, value))


@pytest.mark.parametrize('operation, value', [
    (operation, values[-2]) for operation, values in CASES])
@pytest.mark.parametrize('size', [(1, 1), (4, 1), (1, 3)])
def test_small_images(operation, value, size):
    """OpenCV takes some such arrays for a colour."""
    planes = colors()[:, -1:, :size[0] * size[1]].reshape(3, *size)
    out, spare = np.zeros_like(planes), np.zeros((SPARE, *size), np.uint8)
    operation(planes, value, out, spare)
    expected = oracle(operation.__name__, planes / 255., value)
    np.testing.assert_allclose(out, 255 * expected, rtol=0,
                               atol=off_by(operation.__name__, value))
