"""Photometric distortions of the strong view (section 3.2)."""

from typing import Optional, Sequence, Tuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from .colors import (
    SPARE,
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
)


@TRANSFORMS.register_module()
class ColorJitter(BaseTransform):
    """Brightness, contrast, saturation and hue in random order.

    The stock ``PhotoMetricDistortion`` has fixed ranges and order.
    mmpretrain's and torchvision's ``ColorJitter`` multiply brightness and
    stretch contrast around the grey mean; the authors (TensorFlow) add to the
    brightness and take each channel's own mean. The defaults are theirs; every
    operation clips to [0, 1]. It also rounds to a level of 8 bits, as Pillow
    and torchvision do on such images, where the authors keep floats.

    Required and modified key: img (uint8, BGR, (h, w, 3)).

    Args:
        strength (float): Factor on the four ranges; 0 leaves the image as is.
        brightness (float): Added, U(-b, b), of the full range.
        contrast (float): Factor U(1-c, 1+c), not below 0.
        saturation (float): Factor U(1-s, 1+s), not below 0.
        hue (float): Turn U(-h, h) of a full circle, at most half of one.
        prob (float): Probability of distorting an image.

    Raises:
        ValueError: If the strength is negative, or ``prob`` not in [0, 1];
            of an image, if it is not uint8 with three channels.
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
        self._memory = np.empty((6 + SPARE, 0), np.uint8)

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
        planes, other, spare = self._planes(results['img'])
        operations = list(self.ranges.items())
        for i in np.random.permutation(len(operations)):
            operation, (low, high) = operations[i]
            operation(planes, float(np.random.uniform(low, high)), other,
                      spare)
            planes, other = other, planes
        results['img'] = cv2.merge(list(planes))
        return results

    def _planes(self, img: np.ndarray) -> Tuple[np.ndarray, ...]:
        """``img`` by planes, and memory for another such image and more.

        It is kept from call to call: the pages of new memory cost more than
        the arithmetic.
        """
        height, width = img.shape[:2]
        if img.dtype != np.uint8 or img.shape != (height, width, 3):
            raise ValueError(
                'ColorJitter needs a colour image of 8 bits, (h, w, 3), not '
                f'{img.dtype} {img.shape}: load it with color_type=\'color\' '
                'and to_float32=False')
        size = height * width
        if self._memory.shape[1] < size:
            self._memory = np.empty((6 + SPARE, size), np.uint8)
        work = self._memory[:, :size].reshape(-1, height, width)
        cv2.split(img, mv=list(work[:3]))
        return work[:3], work[3:6], work[6:]


@TRANSFORMS.register_module()
class CutOut(BaseTransform):
    """Erase one box around a random centre.

    The stock ``RandomCutOut`` draws the box's top-left corner, which erases
    the upper left less often. Here the centre is uniform over the canvas and
    the box is clipped at its borders, as in the authors' code, where the
    image lies at the canvas' upper left and the rest is padding.

    What is erased is the mean colour, 0 in the network, which no level of 8
    bits is: :class:`MultiBranchDataPreprocessor` writes it after the
    normalisation, where the metainfo ``erased_boxes`` tells. Until then, and
    for other preprocessors, the box is black. Only steps that leave every
    pixel where it is may follow.

    Required and modified keys: img, gt_seg_map (255 inside the box). Added
    key: erased_boxes, a list of (top, left, bottom, right).

    Args:
        size (int): Side of the box in pixels.
        canvas (tuple[int, int], optional): Height and width of what the
            network sees, the size of the crop. None is the image itself.
        fill (object): Gone; anything but None is refused.

    Raises:
        TypeError: If ``fill`` is given.
        ValueError: If a size is not positive; of an image, if it is larger
            than the canvas.
    """

    def __init__(self, size: int, canvas: Optional[Tuple[int, int]] = None,
                 fill: object = None) -> None:
        if fill is not None:
            raise TypeError(
                'CutOut.fill is gone: the box always becomes the mean colour '
                '(0 after the normalisation); remove fill, and set '
                'canvas=crop_size')
        if size < 1:
            raise ValueError(f'CutOut needs size >= 1, not {size}')
        if canvas is not None and (not isinstance(canvas, Sequence) or
                                   len(canvas) != 2 or min(canvas) < 1):
            raise ValueError('CutOut.canvas must be (height, width), as '
                             f'RandomCrop.crop_size, not {canvas!r}')
        self.size = size
        self.canvas = canvas

    def transform(self, results: dict) -> dict:
        """Erase the box in image and map, and note it."""
        img, mask = results['img'], results['gt_seg_map']
        height, width = self.canvas or mask.shape
        if height < mask.shape[0] or width < mask.shape[1]:
            raise ValueError(
                f'CutOut.canvas is {(height, width)}, smaller than the image, '
                f'{mask.shape}: it must be RandomCrop.crop_size, the size of '
                'the crops (height, width)')
        top = np.random.randint(height) - self.size // 2
        left = np.random.randint(width) - self.size // 2
        bottom, right = min(top + self.size, height), min(
            left + self.size, width)
        top, left = max(top, 0), max(left, 0)
        img[top:bottom, left:right] = 0
        mask[top:bottom, left:right] = 255
        results['erased_boxes'] = [*results.get('erased_boxes', ()),
                                   (top, left, bottom, right)]
        return results
