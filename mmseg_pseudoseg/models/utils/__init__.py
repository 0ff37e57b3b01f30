"""Pure functions of the method."""

from .attention import propagate
from .batch_norm import frozen_statistics
from .cam import add_background, class_activation_maps, image_labels_from_masks

__all__ = [
    'add_background', 'class_activation_maps', 'frozen_statistics',
    'image_labels_from_masks', 'propagate'
]
