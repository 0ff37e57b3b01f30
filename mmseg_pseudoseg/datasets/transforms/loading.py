"""Labels of images that have no mask, and checks of those that have one."""

from typing import Callable, Iterator, Optional

import numpy as np
from mmcv.transforms import BaseTransform, Pad
from mmengine.dataset import Compose
from mmseg.datasets.transforms import RandomCutOut, RandomRotate
from mmseg.registry import TRANSFORMS

from ..file_faults import label_outside, mask_colour, sentence, size_differs

# Stock steps that fill in pixels which no image has, 255 in the map.
FILLING = (Pad, RandomRotate, RandomCutOut)


@TRANSFORMS.register_module()
class LoadBlankAnnotations(BaseTransform):
    """Give an image an all-valid segmentation map.

    The stock ``LoadAnnotations`` reads a mask. An unlabelled image gets zeros:
    whatever pads or erases it later writes 255 there, so that its map tells
    which pixels are real. A map that is there already is replaced. Behind
    resize, crop and flip it costs least; before a step that fills pixels in
    (:data:`FILLING`) it must stand.

    Required key: img. Added keys: gt_seg_map (uint8, (h, w)), seg_fields.
    """

    def transform(self, results: dict) -> dict:
        """Add the map to ``results``."""
        results['gt_seg_map'] = np.zeros(results['img'].shape[:2], np.uint8)
        results['seg_fields'] = ['gt_seg_map']
        return results


def nested(steps: Callable) -> Iterator[Callable]:
    """A pipeline's steps, and those inside ``RandomChoice`` and its like."""
    for step in getattr(steps, 'transforms', []):
        yield step
        yield from nested(step)


def check_blank_map(pipeline: Compose) -> None:
    """Refuse a blank map that comes too late.

    Args:
        pipeline (Compose): Of the unlabelled images.

    Raises:
        ValueError: If a step of :data:`FILLING` stands before
            ``LoadBlankAnnotations``, which would call its pixels real.
    """
    filled = None
    for step in nested(pipeline):
        if isinstance(step, FILLING):
            filled = type(step).__name__
        elif filled and isinstance(step, LoadBlankAnnotations):
            raise ValueError(
                'train_dataloader.dataset.unlabeled.pipeline: '
                f'LoadBlankAnnotations behind {filled} would count the pixels '
                f'that {filled} fills in. Put it before {filled}; with '
                f'ImageLabelsFromMask, leave {filled} out')


def classes_of(results: dict, given: Optional[int], name: str) -> int:
    """Number of classes of a sample.

    Args:
        results (dict): Of the pipeline; ``SemiDataset`` puts ``num_classes``
            of its metainfo there.
        given (int, optional): What the config of the step says.
        name (str): Of the step, for the message.

    Returns:
        int: C, background included.

    Raises:
        ValueError: If neither says.
    """
    number = results.get('num_classes') if given is None else given
    if number is None:
        raise ValueError(
            f'{name} knows no number of classes: SemiDataset takes it from '
            'metainfo.classes, which is missing, and other data sets do not '
            f"tell; give dict(type='{name}', num_classes=...)")
    return number


@TRANSFORMS.register_module()
class CheckAnnotations(BaseTransform):
    """Refuse a mask that cannot belong to its image.

    The stock pipeline crops such a pair out of step, or fails inside the loss
    without a name. Put it behind ``LoadAnnotations``.

    Args:
        num_classes (int, optional): Valid labels are 0..num_classes-1; by
            default the classes of the :class:`SemiDataset`.
        ignore_index (int): And this one.
    """

    def __init__(self, num_classes: Optional[int] = None,
                 ignore_index: int = 255) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index

    def transform(self, results: dict) -> dict:
        """Check image and mask.

        Raises:
            ValueError: If the mask holds colours, sizes differ or a label is
                outside the classes.
        """
        mask, size = results['gt_seg_map'], results['img'].shape[:2]
        path = results['seg_map_path']
        if mask.ndim > 2:
            raise ValueError(sentence(mask_colour(
                path, mask[..., 2::-1],  # loaded as BGR
                f'{mask.shape[2]} channels')))
        if mask.shape != size:
            raise ValueError(sentence(size_differs(
                path, mask.shape, results['img_path'], size)))
        classes = classes_of(results, self.num_classes, type(self).__name__)
        bad = (mask >= classes) & (mask != self.ignore_index)
        if bad.any():
            raise ValueError(sentence(label_outside(
                path, int(mask[bad][0]), classes, self.ignore_index)))
        return results


@TRANSFORMS.register_module()
class ImageLabelsFromMask(BaseTransform):
    """Image-level labels of the crop, from its mask (authors' protocol).

    Nothing in MMSegmentation makes image-level labels. Put it behind the crop;
    ``LoadBlankAnnotations`` after it takes the mask away again.

    Required key: gt_seg_map. Added key: image_labels (float32, (C-1,)).

    Args:
        num_classes (int, optional): C, background (class 0) included; by
            default the classes of the :class:`SemiDataset`.
    """

    def __init__(self, num_classes: Optional[int] = None) -> None:
        self.num_classes = num_classes

    def transform(self, results: dict) -> Optional[dict]:
        """Add the labels to ``results``."""
        classes = classes_of(results, self.num_classes, type(self).__name__)
        counts = np.bincount(results['gt_seg_map'].ravel(), minlength=256)
        results['image_labels'] = (counts[1:classes] > 0).astype(np.float32)
        return results
