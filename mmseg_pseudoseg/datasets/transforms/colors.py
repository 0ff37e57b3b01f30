"""Colour operations on planes of 8 bits, each rounded to a level.

Where floats need a trip to HSV and back, whole numbers need a few sums that
the processor saturates at 0 and 255, dozens of pixels at a time.

Shape legend:
    h, w: size of the image. ``bgr`` is the image, ``out`` its result, each
    (3, h, w), blue, green and red; ``spare`` is memory, (SPARE, h, w). All
    are uint8 and apart from each other; ``bgr`` is left as it is.
"""

from typing import Callable

import cv2
import numpy as np

SPARE = 7


def adjust_brightness(bgr: np.ndarray, delta: float, out: np.ndarray,
                      spare: np.ndarray) -> None:
    """Add ``delta``, where 1 is the full range."""
    add = cv2.subtract if delta < 0 else cv2.add
    # A number, instead of a plane full of it, would be a colour to OpenCV.
    spare[0] = round(255 * abs(delta))
    for plane, target in zip(bgr, out):
        add(plane, spare[0], dst=target)


def adjust_contrast(bgr: np.ndarray, factor: float, out: np.ndarray,
                    spare: np.ndarray) -> None:
    """Stretch around the mean of each plane."""
    for plane, target in zip(bgr, out):
        mean = cv2.sumElems(plane)[0] / plane.size
        cv2.transform(plane, np.array([[factor, (1 - factor) * mean]]),
                      dst=target)


def adjust_saturation(bgr: np.ndarray, factor: float, out: np.ndarray,
                      spare: np.ndarray) -> None:
    """Multiply the saturation of HSV, at most to 1.

    Hue and value V (the largest of the three) stay if each distance V - c is
    multiplied alike: by ``factor``, or by V / (V - low) where that is less,
    which takes the lowest plane to 0.
    """
    high, low, more = spare[:3]
    _extreme(np.maximum, bgr, high)
    if factor <= 1:
        for plane, target in zip(bgr, out):
            cv2.addWeighted(plane, factor, high, 1 - factor, 0, dst=target)
        return
    _extreme(np.minimum, bgr, low)
    cv2.subtract(high, low, dst=more)
    # What the distance grows by, 255 levels for factor - 1; it stops there.
    levels = 255 / (factor - 1)
    cv2.divide(low, more, dst=more, scale=levels)
    for plane, target in zip(bgr, out):
        cv2.subtract(high, plane, dst=target)
        cv2.multiply(target, more, dst=target, scale=1 / levels)
        cv2.subtract(plane, target, dst=target)


def adjust_hue(bgr: np.ndarray, delta: float, out: np.ndarray,
               spare: np.ndarray) -> None:
    """Turn the hue of HSV by ``delta`` of a full circle.

    A third of a circle exchanges the planes. What is left is t sixths, with
    -1 <= t <= 1. For t >= 0 red becomes

        clip(R - shrink(G - B, (1 - t) (high - low)), low, high),

    where shrink takes the second number off the size of the first, at most to
    0; green and blue follow in turn, and t < 0 exchanges G and B. (Each of
    the six sectors of the circle has one plane at ``high`` and one at ``low``,
    so that the formula can be read off sector by sector.)
    """
    thirds = round(3 * delta)
    t = 6 * delta - 2 * thirds
    planes = [bgr[(c + thirds) % 3] for c in range(3)]
    step = 1 if t < 0 else 2
    high, low, dead, part = spare[:4]
    raised = spare[4:7]
    _extreme(np.maximum, bgr, high)
    _extreme(np.minimum, bgr, low)
    cv2.subtract(high, low, dst=dead)
    cv2.transform(dead, np.array([[1 - abs(t)]]), dst=dead)
    for plane, target in zip(planes, raised):
        cv2.add(plane, dead, dst=target)
    for c, target in enumerate(out):
        one, two = (c + step) % 3, (c - step) % 3
        cv2.subtract(planes[two], raised[one], dst=part)
        cv2.add(planes[c], part, dst=target)
        cv2.subtract(planes[one], raised[two], dst=part)
        cv2.subtract(target, part, dst=target)
    np.minimum(out, high, out=out)
    np.maximum(out, low, out=out)


def _extreme(which: Callable, bgr: np.ndarray, out: np.ndarray) -> None:
    """The largest or smallest of the three planes."""
    which(which(bgr[0], bgr[1], out=out), bgr[2], out=out)
