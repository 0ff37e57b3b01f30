"""Photometric distortions of the strong view (section 3.2)."""

from typing import Sequence, Tuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS


def adjust_brightness(img: np.ndarray, delta: float) -> np.ndarray:
    """Add ``delta`` to every value. Image float32 in [0, 1], (h, w, 3)."""
    return np.clip(img + delta, 0, 1)


def adjust_contrast(img: np.ndarray, factor: float) -> np.ndarray:
    """Stretch around the mean of each channel. Image as above."""
    mean = img.mean(axis=(0, 1), keepdims=True)
    return np.clip((img - mean) * factor + mean, 0, 1)


def adjust_saturation(img: np.ndarray, factor: float) -> np.ndarray:
    """Multiply HSV's saturation. Image BGR, as above."""
    hsv = cv2.cvtColor(img, cv2.COLOR_BGR2HSV)
    hsv[..., 1] = np.clip(hsv[..., 1] * factor, 0, 1)
    return np.clip(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), 0, 1)


def adjust_hue(img: np.ndarray, delta: float) -> np.ndarray:
    """Turn HSV's hue by ``delta`` of a full circle. Image BGR, as above."""
    hsv = cv2.cvtColor(img, cv2.COLOR_BGR2HSV)
    hsv[..., 0] = (hsv[..., 0] + 360 * delta) % 360
    return np.clip(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), 0, 1)


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
        img = results['img'].astype(np.float32) / 255
        operations = list(self.ranges.items())
        for i in np.random.permutation(len(operations)):
            operation, (low, high) = operations[i]
            img = operation(img, float(np.random.uniform(low, high)))
        results['img'] = np.rint(img * 255).astype(np.uint8)
        return results


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
        ignore_index (int): Value of the map inside the box.
    """

    def __init__(self,
                 size: int,
                 fill: Sequence[float],
                 ignore_index: int = 255) -> None:
        if size < 1:
            raise ValueError(f'CutOut needs size >= 1, not {size}')
        self.size = size
        self.fill = np.rint(fill).astype(np.uint8)
        self.ignore_index = ignore_index

    def transform(self, results: dict) -> dict:
        """Erase the box in copies of image and map."""
        img, mask = results['img'].copy(), results['gt_seg_map'].copy()
        height, width = mask.shape
        top = np.random.randint(height) - self.size // 2
        left = np.random.randint(width) - self.size // 2
        box = (slice(max(top, 0), max(top + self.size, 0)),
               slice(max(left, 0), max(left + self.size, 0)))
        img[box] = self.fill
        mask[box] = self.ignore_index
        results['img'], results['gt_seg_map'] = img, mask
        return results
