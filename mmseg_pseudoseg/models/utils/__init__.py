"""Pure functions of the method."""

from .attention import propagate
from .batch_norm import frozen_statistics
from .cam import add_background, class_activation_maps, image_labels_from_masks
from .stages import Stage, find_stages, hypercolumn, stage_map

__all__ = [
    'Stage', 'add_background', 'class_activation_maps', 'find_stages',
    'frozen_statistics', 'hypercolumn', 'image_labels_from_masks', 'propagate',
    'stage_map'
]
