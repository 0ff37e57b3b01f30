"""Pure functions of the method."""

from .attention import propagate
from .batch_norm import (
    BN_MODES,
    bn_mode,
    frozen_statistics,
    uses_batch_statistics,
)
from .cam import add_background, class_activation_maps, image_labels_from_masks
from .kernel import kernel_matrix
from .stages import (
    Stage,
    find_stages,
    hypercolumn,
    split_feats,
    stage_map,
)

__all__ = [
    'BN_MODES', 'Stage', 'add_background', 'bn_mode', 'class_activation_maps',
    'find_stages', 'frozen_statistics', 'hypercolumn',
    'image_labels_from_masks', 'kernel_matrix', 'propagate', 'split_feats',
    'stage_map', 'uses_batch_statistics'
]
