"""Group the views of a batch by name."""

from typing import Any, Dict, Sequence

from mmengine.registry import FUNCTIONS


@FUNCTIONS.register_module()
def multi_branch_collate(batch: Sequence[dict]) -> Dict[str, Dict[str, list]]:
    """Collect the images and samples of each view.

    The stock ``pseudo_collate`` needs the same keys in every sample, but a
    labelled sample has other views than an unlabelled one.

    Args:
        batch (Sequence[dict]): What :class:`MultiBranch` packed:
            ``inputs`` and ``data_samples``, dicts by view.

    Returns:
        dict: The same, with a list of images or samples a view.
    """
    result: Dict[str, Dict[str, Any]] = dict(inputs={}, data_samples={})
    for sample in batch:
        for key, views in result.items():
            for view, value in sample[key].items():
                views.setdefault(view, []).append(value)
    return result
