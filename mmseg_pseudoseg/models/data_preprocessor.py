"""Normalise and pad each view of a batch."""

from typing import Any, Dict, List

from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import stack_batch
from torch import Tensor


@MODELS.register_module()
class MultiBranchDataPreprocessor(SegDataPreProcessor):
    """The stock preprocessor, applied to each view of a batch of named views.

    The stock one takes one list of images. A training batch here is::

        inputs:       {'labeled': [(3, h, w)] * N, 'weak': [...], 'strong': ..}
        data_samples: {'labeled': [SegDataSample] * N, 'weak': ..., ...}

    with uint8 images of different sizes, and becomes::

        inputs:       {'labeled': (N, 3, H, W), 'weak': ..., 'strong': ...}
        data_samples: {'labeled': [SegDataSample] * N, 'weak': ..., ...}

    with float32 images, padded with 0 (the mean colour), and maps padded with
    255 and widened from uint8 to the int64 of the stock heads. Batches without
    views (validation, test) pass as in the stock one. Arguments: the stock
    ones.

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
        """
        if not isinstance(data['inputs'], dict):
            return super().forward(data, training)
        result: Dict[str, Any] = dict(inputs={}, data_samples={})
        for view, images in data['inputs'].items():
            inputs, samples = self._stack(
                self._to_device(images),
                self._to_device(data['data_samples'][view]))
            result['inputs'][view] = inputs
            result['data_samples'][view] = samples
        return result

    @property
    def _reverses_channels(self) -> bool:
        """Whether BGR becomes RGB; MMSegmentation 1.2 names it without _."""
        named = vars(self)
        return named['_channel_conversion' if '_channel_conversion' in named
                     else 'channel_conversion']

    def _to_device(self, items: list) -> list:
        """Images or samples on the model's device, without waiting."""
        return [item.to(self.device, non_blocking=True) for item in items]

    def _stack(self, images: List[Tensor],
               samples: List[SegDataSample]) -> tuple:
        """Normalise, pad and stack one view, as the stock ``forward`` does."""
        if self._reverses_channels:
            images = [image.flip(0) for image in images]
        images = [image.float() for image in images]
        if self._enable_normalize:
            images = [(image - self.mean).div_(self.std) for image in images]
        inputs, samples = stack_batch(
            images, samples, self.size, self.size_divisor, self.pad_val,
            self.seg_pad_val)
        for sample in samples:
            sample.gt_sem_seg.data = sample.gt_sem_seg.data.long()
        if self.batch_augments is not None:
            inputs, samples = self.batch_augments(inputs, samples)
        return inputs, samples
