"""Pack what the model needs of an image."""

import math

import cv2
import numpy as np
import torch
from mmengine.structures import BaseDataElement, PixelData
from mmseg.datasets import PackSegInputs
from mmseg.registry import TRANSFORMS
from mmseg.structures import SegDataSample


def _pin(element: BaseDataElement) -> BaseDataElement:
    """A copy whose tensors, at any depth, lie in page-locked memory."""
    pinned = element.new()
    for key, value in element.items():
        if isinstance(value, BaseDataElement):
            pinned.set_data({key: _pin(value)})
        elif isinstance(value, torch.Tensor):
            pinned.set_data({key: value.pin_memory()})
    return pinned


class SemiDataSample(SegDataSample):
    """``SegDataSample`` that a loader with ``pin_memory=True`` can pin.

    The stock one has no ``pin_memory``, so torch leaves its maps in ordinary
    memory, and copying them to a GPU waits for the GPU.
    """

    def pin_memory(self) -> 'SemiDataSample':
        """A copy of the sample in page-locked memory, as torch asks for."""
        return _pin(self)


@TRANSFORMS.register_module()
class PackSemiInputs(PackSegInputs):
    """``PackSegInputs`` for several views of an image, with its tags.

    The stock one widens the map to int64, eight times what a worker has to
    hand over; here it stays as loaded (uint8), (1, h, w), and
    ``MultiBranchDataPreprocessor`` widens it on the device. What is packed
    shares no memory with ``results``, so views need no copies of their own.
    Image-level labels (``image_labels``), where the sample has them, become a
    tensor of the data sample, float32, (C-1,), and so move to the model's
    device with it. The data sample is a :class:`SemiDataSample`.
    """

    def transform(self, results: dict) -> dict:
        """Pack ``results``."""
        ours = ('img', 'gt_seg_map')
        packed = super().transform(
            {k: v for k, v in results.items() if k not in ours})
        img = results['img']
        size = img.shape[:2]
        planes = np.empty((img.size // math.prod(size), *size), img.dtype)
        cv2.split(img, mv=list(planes))
        packed['inputs'] = torch.from_numpy(planes)
        sample = SemiDataSample()
        # set_metainfo would copy them once more, as long as all of the rest.
        for key, value in packed['data_samples'].metainfo_items():
            sample.set_field(value, key, field_type='metainfo')
        sample.set_data(dict(packed['data_samples'].items()))
        if 'gt_seg_map' in results:
            mask = np.array(results['gt_seg_map'][None], order='C')
            sample.gt_sem_seg = PixelData(data=torch.from_numpy(mask))
        if 'image_labels' in results:
            sample.set_data(
                dict(image_labels=torch.from_numpy(results['image_labels'])))
        packed['data_samples'] = sample
        return packed
