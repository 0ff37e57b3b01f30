"""Photometric distortions of the strong view (section 3.2)."""

from typing import Any, Sequence, Tuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS


def adjust_brightness(bgr: np.ndarray, delta: float, out: np.ndarray) -> None:
    """Add ``delta`` to every value. float32 in [0, 1], (h, w, 3)."""
    _scale_and_shift(bgr, (1, 1, 1), (delta, delta, delta), out)
    np.clip(out, 0, 1, out=out)


def adjust_contrast(bgr: np.ndarray, factor: float, out: np.ndarray) -> None:
    """Stretch around the mean of each channel. Images as above."""
    offsets = [(1 - factor) * mean for mean in cv2.mean(bgr)[:3]]
    _scale_and_shift(bgr, (factor, factor, factor), offsets, out)
    np.clip(out, 0, 1, out=out)


def adjust_saturation(hsv: np.ndarray, factor: float, out: np.ndarray) -> None:
    """Multiply the saturation. float32, as OpenCV has it, (h, w, 3)."""
    _scale_and_shift(hsv, (1, factor, 1), (0, 0, 0), out)
    if factor > 1:
        limits: Any = (np.inf, 1, np.inf, 0)  # a number a channel
        cv2.min(out, limits, dst=out)


def adjust_hue(hsv: np.ndarray, delta: float, out: np.ndarray) -> None:
    """Turn the hue by ``delta`` of a full circle. Images as above.

    It may end up to one circle beyond 360; OpenCV's conversion takes it back.
    """
    _scale_and_shift(hsv, (1, 1, 1), (360 * (delta % 1), 0, 0), out)


HSV = (adjust_saturation, adjust_hue)  # what works in HSV; the rest in BGR


def _scale_and_shift(img: np.ndarray, factors: Sequence[float],
                     offsets: Sequence[float], out: np.ndarray) -> None:
    """Multiply and add a number for each of the three channels."""
    # In place it would make a copy first.
    cv2.transform(img, np.column_stack([np.diag(factors), offsets]), dst=out)


@TRANSFORMS.register_module()
class ColorJitter(BaseTransform):
    """Brightness, contrast, saturation and hue in random order.

    The stock ``PhotoMetricDistortion`` has fixed ranges and order.
    mmpretrain's and torchvision's ``ColorJitter`` multiply brightness and
    stretch contrast around the grey mean; the authors (TensorFlow) add to the
    brightness and take each channel's own mean. The defaults are theirs; every
    operation clips to [0, 1].

    Required and modified key: img (uint8, BGR, (h, w, 3)).

    Args:
        strength (float): Factor on the four ranges; 0 leaves the image as is.
        brightness (float): Added, U(-b, b), of the full range.
        contrast (float): Factor U(1-c, 1+c), not below 0.
        saturation (float): Factor U(1-s, 1+s), not below 0.
        hue (float): Turn U(-h, h) of a full circle, at most half of one.
        prob (float): Probability of distorting an image.

    Raises:
        ValueError: If the strength is negative, or ``prob`` not in [0, 1].
    """

    def __init__(self,
                 strength: float = 1.0,
                 brightness: float = 0.5,
                 contrast: float = 0.5,
                 saturation: float = 0.5,
                 hue: float = 0.25,
                 prob: float = 1.0) -> None:
        if strength < 0 or not 0 <= prob <= 1:
            raise ValueError('ColorJitter needs strength >= 0 and prob in '
                             f'[0, 1], not {strength} and {prob}')
        self.prob = prob
        self.ranges = {
            adjust_brightness: self._around(0, strength * brightness, 1),
            adjust_contrast: self._around(1, strength * contrast, 1),
            adjust_saturation: self._around(1, strength * saturation, 1),
            adjust_hue: self._around(0, strength * hue, 0.5)
        }
        self._memory = np.empty((2, 0), np.float32)

    @staticmethod
    def _around(centre: float, radius: float,
                limit: float) -> Tuple[float, float]:
        """Range around ``centre``, at most ``limit`` below it."""
        low = min(radius, limit)
        return centre - low, centre + (radius if centre else low)

    def transform(self, results: dict) -> dict:
        """Distort ``results['img']``."""
        if np.random.rand() >= self.prob:
            return results
        img, other = self._work_on(results['img'])
        in_hsv = False
        operations = list(self.ranges.items())
        for i in np.random.permutation(len(operations)):
            operation, (low, high) = operations[i]
            if in_hsv != (operation in HSV):
                code = cv2.COLOR_HSV2BGR if in_hsv else cv2.COLOR_BGR2HSV
                cv2.cvtColor(img, code, dst=other)
                img, other, in_hsv = other, img, not in_hsv
            operation(img, float(np.random.uniform(low, high)), other)
            img, other = other, img
        if in_hsv:
            cv2.cvtColor(img, cv2.COLOR_HSV2BGR, dst=other)
            img = other
        results['img'] = cv2.convertScaleAbs(img, alpha=255)  # rounds
        return results

    def _work_on(self, img: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """``img`` as float32 in [0, 1], and memory for another such image.

        It is kept from call to call: the pages of new memory cost more than
        the arithmetic.
        """
        if self._memory.shape[1] < img.size:
            self._memory = np.empty((2, img.size), np.float32)
        work = self._memory[:, :img.size].reshape(2, *img.shape)
        np.multiply(img, np.float32(1 / 255), out=work[0])
        return work[0], work[1]


@TRANSFORMS.register_module()
class CutOut(BaseTransform):
    """Erase one box around a random centre.

    The stock ``RandomCutOut`` draws the box's top-left corner, which erases
    the upper left less often. Here the centre is uniform over the image and
    the box is clipped at the borders, as in the authors' code.

    Required and modified keys: img, gt_seg_map (255 inside the box).

    Args:
        size (int): Side of the box in pixels.
        fill (Sequence[float]): Colour, in the channel order of the image
            (BGR); the mean pixel becomes 0 in the network.

    Raises:
        ValueError: If the size is not positive.
    """

    def __init__(self, size: int, fill: Sequence[float]) -> None:
        if size < 1:
            raise ValueError(f'CutOut needs size >= 1, not {size}')
        self.size = size
        self.fill = np.rint(fill).astype(np.uint8)

    def transform(self, results: dict) -> dict:
        """Erase the box in image and map."""
        img, mask = results['img'], results['gt_seg_map']
        height, width = mask.shape
        top = np.random.randint(height) - self.size // 2
        left = np.random.randint(width) - self.size // 2
        box = (slice(max(top, 0), max(top + self.size, 0)),
               slice(max(left, 0), max(left + self.size, 0)))
        img[box] = self.fill
        mask[box] = 255
        return results
