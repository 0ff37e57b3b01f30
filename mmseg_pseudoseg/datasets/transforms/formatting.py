"""Pack what the model needs of an image."""

import torch
from mmseg.datasets import PackSegInputs
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackSemiInputs(PackSegInputs):
    """``PackSegInputs`` that carries image-level labels along.

    The stock one packs maps and metadata alone. Here ``image_labels``, where
    the sample has them, become a tensor of the data sample, float32, (C-1,),
    and so move to the model's device with it.
    """

    def transform(self, results: dict) -> dict:
        """Pack ``results``."""
        packed = super().transform(results)
        if 'image_labels' in results:
            packed['data_samples'].set_data(
                dict(image_labels=torch.from_numpy(results['image_labels'])))
        return packed
