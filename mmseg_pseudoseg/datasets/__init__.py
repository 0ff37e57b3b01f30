"""Datasets, samplers and transforms; importing this registers them."""

from .coco81 import COCO81Dataset
from .collate import multi_branch_collate
from .multi_source_batch_sampler import MultiSourceBatchSampler
from .semi_dataset import SeededIndex, SemiDataset
from .transforms import (
                         CheckAnnotations,
                         ColorJitter,
                         CutOut,
                         ImageLabelsFromMask,
                         LoadBlankAnnotations,
                         MultiBranch,
                         PackSemiInputs,
)

__all__ = [
    'COCO81Dataset', 'CheckAnnotations', 'ColorJitter', 'CutOut',
    'ImageLabelsFromMask', 'LoadBlankAnnotations', 'MultiBranch',
    'MultiSourceBatchSampler', 'PackSemiInputs', 'SeededIndex', 'SemiDataset',
    'multi_branch_collate'
]
