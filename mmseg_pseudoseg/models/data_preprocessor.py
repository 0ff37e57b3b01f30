"""Normalise and pad each view of a batch."""

from typing import Any, Dict, Sequence, Tuple

import torch
from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.nn import functional as F


def pad(stack: Tensor, size: Sequence[int], value: float) -> Tensor:
    """(N, C, h, w) padded at the right and below to (N, C, H, W)."""
    more = [0, size[1] - stack.shape[3], 0, size[0] - stack.shape[2]]
    return F.pad(stack, more, value=value) if any(more) else stack


def erase(images: Tensor, samples: Sequence[SegDataSample],
          fixed: bool) -> None:
    """Write 0 into the boxes that ``CutOut`` drew, in place.

    Args:
        images (Tensor): Normalised, (N, 3, H, W).
        samples (Sequence[SegDataSample]): N, with the metainfo
            ``erased_boxes`` where there is one.
        fixed (bool): Whether the size of the crop is known to be H and W.

    Raises:
        ValueError: If a box was drawn on a larger canvas than that.
    """
    size = tuple(images.shape[2:])
    for image, sample in zip(images, samples):
        for top, left, bottom, right in sample.get('erased_boxes', ()):
            if fixed and (bottom > size[0] or right > size[1]):
                raise ValueError(
                    f'CutOut drew a box up to {(bottom, right)}, but the '
                    f'network gets {size}: set CutOut.canvas to the size of '
                    'the crops, RandomCrop.crop_size')
            image[:, top:bottom, left:right].fill_(0)


@MODELS.register_module()
class MultiBranchDataPreprocessor(SegDataPreProcessor):
    """The stock preprocessor, applied to each view of a batch of named views.

    The stock one takes a list of images and moves, normalises and pads each
    by itself, with its data sample, whose metainfo it copies: hundreds of
    calls a step. This one takes what ``multi_branch_collate`` stacked, uint8
    images (N, 3, h, w) and maps a view, moves each stack once, and gives::

        inputs:       {'labeled': (N, 3, H, W), 'weak': ..., 'strong': ...}
        data_samples: {'labeled': [SegDataSample] * N, 'weak': ..., ...}

    with float32 images, bitwise the stock one's, 0 (the mean colour) outside
    an image and in what :class:`CutOut` erased. Each sample of the batch gets
    its part of the stacked maps, padded with 255 and widened from uint8 to
    the int64 of the stock heads, and of the other tensors, and the sizes that
    the stock one notes. Batches without views (validation, test, stock
    training) pass as in the stock one. Arguments: the stock ones.

    On a GPU the stock one stops the host for every image: it copies from
    pageable memory, and its reversal of the channels copies an index. Here
    nothing waits, if the loader has ``pin_memory=True``.
    """

    def forward(self, data: dict, training: bool = False) -> Dict[str, Any]:
        """Preprocess a batch.

        Args:
            data (dict): As collated.
            training (bool): Whether to pad to the training size.

        Returns:
            dict: ``inputs`` and ``data_samples``.

        Raises:
            ValueError: If views were not stacked, the config has not one of
                ``size`` and ``size_divisor``, or ``CutOut`` another canvas.
        """
        if not isinstance(data['inputs'], dict):
            result = super().forward(data, training)
            erase(result['inputs'], result['data_samples'] or (), False)
            return result
        if 'maps' not in data:
            raise ValueError(
                'the views of the batch are not stacked: set train_dataloader.'
                "collate_fn=dict(type='multi_branch_collate')")
        result = dict(inputs={}, data_samples={})
        for view, samples in data['data_samples'].items():
            inputs = self._images(data['inputs'][view], samples)
            self._hand_out(data, view, inputs.shape[2:])
            if self.batch_augments is not None:
                inputs, samples = self.batch_augments(inputs, samples)
            result['inputs'][view] = inputs
            result['data_samples'][view] = samples
        return result

    @property
    def _reverses_channels(self) -> bool:
        """Whether BGR becomes RGB; MMSegmentation 1.2 names it without _."""
        named = vars(self)
        return named['_channel_conversion' if '_channel_conversion' in named
                     else 'channel_conversion']

    def _to_device(self, stack: Tensor) -> Tensor:
        """A stack on the model's device, without waiting."""
        return stack.to(self.device, non_blocking=True)

    def _size(self, height: int, width: int) -> Tuple[int, int]:
        """What the stock one pads images of up to (height, width) to."""
        if (self.size is None) == (self.size_divisor is None):
            raise ValueError('model.data_preprocessor needs either size or '
                             'size_divisor')
        if self.size is not None:
            return max(height, self.size[-2]), max(width, self.size[-1])
        step = self.size_divisor
        return -(-height // step) * step, -(-width // step) * step

    def _images(self, images: Tensor,
                samples: Sequence[SegDataSample]) -> Tensor:
        """Normalise and pad a stack, (N, 3, h, w)."""
        size = self._size(*images.shape[2:])
        images = pad(self._to_device(images), size, 0)
        if self._reverses_channels and images.shape[1] == 3:
            images = images.flip(1)
        images = images.to(torch.float32, copy=True)
        if self._enable_normalize:
            images.sub_(self.mean).div_(self.std)
        for image, sample in zip(images, samples):
            height, width = sample.img_shape
            image[:, height:].fill_(self.pad_val)
            image[:, :, width:].fill_(self.pad_val)
        erase(images, samples, fixed=self.size is not None)
        return images

    def _hand_out(self, data: dict, view: str, size: Sequence[int]) -> None:
        """Give each sample of a view its part of the stacks."""
        height, width = size
        fields: Dict[str, Sequence[Any]] = {
            key: self._to_device(stack)
            for key, stack in data['tensors'][view].items()}
        for key, stack in data['maps'][view].items():
            maps = pad(self._to_device(stack), size, self.seg_pad_val)
            if maps.dtype == torch.uint8:
                maps = maps.long()
            fields[key] = [PixelData(data=one) for one in maps]
        for k, sample in enumerate(data['data_samples'][view]):
            sample.set_data({key: parts[k] for key, parts in fields.items()})
            bottom, right = sample.img_shape
            for key, value in dict(
                    pad_shape=(height, width), padding_size=(
                        0, width - right, 0, height - bottom)).items():
                sample.set_field(value, key, field_type='metainfo')
