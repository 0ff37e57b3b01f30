"""Turn one image into named views."""

import copy
from typing import Dict, List

from mmcv.transforms import BaseTransform, Compose
from mmseg.registry import TRANSFORMS


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

    def transform(self, results: dict) -> Dict[str, dict]:
        """Make the views.

        Returns:
            dict: ``inputs`` and ``data_samples``, each a dict by view.
        """
        packed = {
            name: steps(copy.deepcopy(results))
            for name, steps in self.views.items()
        }
        return {
            key: {name: one[key] for name, one in packed.items()}
            for key in ('inputs', 'data_samples')
        }
