"""Pack what the model needs of an image."""

import math

import cv2
import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.datasets import PackSegInputs
from mmseg.registry import TRANSFORMS

IGNORE = 255


@TRANSFORMS.register_module()
class PackSemiInputs(PackSegInputs):
    """``PackSegInputs`` for several views of an image, with its tags.

    The stock one widens the map to int64, eight times what a worker has to
    hand over; here it stays as loaded (uint8), (1, h, w), and
    ``MultiBranchDataPreprocessor`` widens it on the device. What is packed
    shares no memory with ``results``, so views need no copies of their own.
    Image-level labels (``image_labels``), where the sample has them, become a
    tensor of the data sample, float32, (C-1,). The boxes that ``CutOut`` drew
    become its metainfo ``erased_boxes``.
    """

    def transform(self, results: dict) -> dict:
        """Pack ``results``.

        Raises:
            ValueError: If pixels that ``CutOut`` erased were moved.
        """
        ours = ('img', 'gt_seg_map')
        packed = super().transform(
            {k: v for k, v in results.items() if k not in ours})
        img = results['img']
        size = img.shape[:2]
        planes = np.empty((img.size // math.prod(size), *size), img.dtype)
        cv2.split(img, mv=list(planes))
        packed['inputs'] = torch.from_numpy(planes)
        sample = packed['data_samples']
        if 'gt_seg_map' in results:
            mask = np.array(results['gt_seg_map'][None], order='C')
            sample.gt_sem_seg = PixelData(data=torch.from_numpy(mask))
        if 'image_labels' in results:
            sample.set_data(
                dict(image_labels=torch.from_numpy(results['image_labels'])))
        if 'erased_boxes' in results:
            for top, left, bottom, right in results['erased_boxes']:
                if (mask[0, top:bottom, left:right] != IGNORE).any():
                    raise ValueError(
                        'a step behind CutOut moved the erased pixels: put '
                        'CutOut behind every resize, crop and flip')
            sample.set_metainfo(dict(erased_boxes=results['erased_boxes']))
        return packed
