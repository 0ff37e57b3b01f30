"""COCO's things as a data set for semantic segmentation."""

from mmseg.datasets import BaseSegDataset, COCOStuffDataset
from mmseg.registry import DATASETS


def bitwise_palette(num_classes: int) -> list:
    """PASCAL VOC's colours, continued to any number of classes.

    Args:
        num_classes (int): At most 256.

    Returns:
        list[list[int]]: RGB of each class.
    """
    return [[
        sum((label >> 3 * bit + channel & 1) << 7 - bit for bit in range(3))
        for channel in range(3)
    ] for label in range(num_classes)]


@DATASETS.register_module()
class COCO81Dataset(BaseSegDataset):
    """COCO with 81 classes: background and the 80 things.

    The stock ``COCOStuffDataset`` has 171 classes, stuff among them, and no
    background: an unlabelled pixel is ignored there, here it is class 0. The
    things stand in the same order. Masks: tools/dataset_converters/
    coco_masks.py.
    """

    METAINFO = dict(
        classes=('background', *COCOStuffDataset.METAINFO['classes'][:80]),
        palette=bitwise_palette(81))
