"""Stack the views of a batch, by name."""

from typing import Any, Dict, List, Sequence, Tuple

from mmengine.registry import FUNCTIONS
from mmengine.structures import BaseDataElement, PixelData
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import default_collate

IGNORE = 255


def stack(parts: Sequence[Tensor], value: int) -> Tensor:
    """Stack images or maps, padded at the right and below to the largest.

    Args:
        parts (Sequence[Tensor]): N of (C, h, w), with a size each.
        value (int): Of the padding.

    Returns:
        Tensor: (N, C, H, W), in a worker in the memory that it shares.
    """
    size = [max(part.shape[k] for part in parts) for k in (-2, -1)]
    return default_collate([
        part if list(part.shape[-2:]) == size else F.pad(
            part, (0, size[1] - part.shape[-1], 0, size[0] - part.shape[-2]),
            value=value) for part in parts])


def split_fields(samples: Sequence[BaseDataElement]
                 ) -> Tuple[Dict[str, Tensor], Dict[str, Tensor]]:
    """What the data samples of a view hold, stacked.

    Args:
        samples (Sequence[BaseDataElement]): All with the same fields.

    Returns:
        tuple[dict, dict]: Maps (``PixelData``), each (N, C, H, W) and padded
        with 255, and other tensors, each (N, ...).

    Raises:
        ValueError: If samples have different fields, or one that is neither
            a map nor a tensor.
    """
    names = {tuple(sorted(sample.keys())) for sample in samples}
    if len(names) > 1:
        raise ValueError('multi_branch_collate: samples of one view have '
                         f'different fields, {sorted(names)}')
    maps, tensors = {}, {}
    for key in names.pop():
        values = [sample.get(key) for sample in samples]
        if isinstance(values[0], PixelData):
            maps[key] = stack([value.data for value in values], IGNORE)
        elif isinstance(values[0], Tensor):
            tensors[key] = default_collate(values)
        else:
            raise ValueError(
                'multi_branch_collate stacks maps (PixelData) and tensors, '
                f'but {key} of the data samples is a '
                f'{type(values[0]).__name__}')
    return maps, tensors


def without_fields(sample: BaseDataElement, image: Tensor) -> BaseDataElement:
    """A sample of the same metainfo, uncopied, and the image's true size."""
    bare = type(sample)()
    for key, value in sample.metainfo_items():
        bare.set_field(value, key, field_type='metainfo')
    bare.set_field(tuple(image.shape[-2:]), 'img_shape',
                   field_type='metainfo')
    return bare


@FUNCTIONS.register_module()
def multi_branch_collate(batch: Sequence[dict]) -> Dict[str, Dict[str, Any]]:
    """Stack the images and maps of each view, still as packed (uint8).

    The stock ``pseudo_collate`` needs the same keys in every sample, but a
    labelled sample has other views than an unlabelled one; and it leaves
    lists, whose every item is handed over, pinned and copied to the device
    by itself. :class:`MultiBranchDataPreprocessor` takes the stacks.

    Args:
        batch (Sequence[dict]): What :class:`MultiBranch` packed:
            ``inputs`` and ``data_samples``, dicts by view.

    Returns:
        dict: By view, ``inputs``, images (N, 3, H, W), padded at the right
        and below to the largest; ``maps`` and ``tensors``
        (:func:`split_fields`), dicts by the field's name; and
        ``data_samples``, lists of samples that have metainfo alone.
    """
    views: Dict[str, List[tuple]] = {}
    for one in batch:
        for view, image in one['inputs'].items():
            views.setdefault(view, []).append(
                (image, one['data_samples'][view]))
    result: Dict[str, Dict[str, Any]] = {
        key: {} for key in ('inputs', 'maps', 'tensors', 'data_samples')}
    for view, pairs in views.items():
        images, samples = zip(*pairs)
        result['inputs'][view] = stack(images, 0)
        result['maps'][view], result['tensors'][view] = split_fields(samples)
        result['data_samples'][view] = list(
            map(without_fields, samples, images))
    return result


def packed_images(batch: dict, view: str) -> List[Tensor]:
    """The images of a view as they were before they were stacked.

    Args:
        batch (dict): Of :func:`multi_branch_collate`.
        view (str): Its name.

    Returns:
        list[Tensor]: Each (3, h, w), with a size each.
    """
    images, samples = batch['inputs'][view], batch['data_samples'][view]
    return [image[:, :sample.img_shape[0], :sample.img_shape[1]]
            for image, sample in zip(images, samples)]
