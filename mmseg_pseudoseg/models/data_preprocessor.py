"""Normalise and pad each view of a batch."""

from typing import Any, Dict

from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS


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
            one = super().forward(
                dict(inputs=images, data_samples=data['data_samples'][view]),
                training)
            for sample in one['data_samples']:
                sample.gt_sem_seg.data = sample.gt_sem_seg.data.long()
            result['inputs'][view] = one['inputs']
            result['data_samples'][view] = one['data_samples']
        return result
