"""Turn one image into named views."""

import copy
from typing import Dict, List

import cv2
import numpy as np
from mmcv.transforms import BaseTransform, Compose
from mmseg.registry import TRANSFORMS


def contiguous(array: np.ndarray) -> np.ndarray:
    """``array`` (h, w) or (h, w, c) without gaps in memory.

    The stock flip is a view with a negative stride, which every later step
    would read three bytes at a time; OpenCV turns it at once.
    """
    if array.strides[1] < 0:
        return cv2.flip(array[:, ::-1], 1).reshape(array.shape)
    return np.ascontiguousarray(array)


@TRANSFORMS.register_module()
class MultiBranch(BaseTransform):
    """Send one image, already cropped, through a pipeline for each view.

    The stock ``TransformBroadcaster`` wants the same transforms for all parts.
    Geometry stands before this transform, photometry inside it, so the views
    are pixel-aligned by construction.

    Args:
        **views (list[dict]): Pipeline of each view, by name; each must end
            with ``PackSemiInputs``.
    """

    def __init__(self, **views: List[dict]) -> None:
        self.views = {name: Compose(steps) for name, steps in views.items()}
        # Packing copies; what stands before it may write into its input.
        self.copied = [name for name, steps in views.items()
                       if len(steps) > 1 and name != list(views)[-1]]

    def transform(self, results: dict) -> Dict[str, dict]:
        """Make the views. ``results`` is used up.

        Returns:
            dict: ``inputs`` and ``data_samples``, each a dict by view.
        """
        for key in ('img', *results['seg_fields']):
            results[key] = contiguous(results[key])
        packed = {
            name: steps(
                copy.deepcopy(results) if name in self.copied else results)
            for name, steps in self.views.items()
        }
        return {
            key: {name: one[key] for name, one in packed.items()}
            for key in ('inputs', 'data_samples')
        }
