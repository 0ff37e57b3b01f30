"""Losses."""

from .resized_cross_entropy import (
    resized_cross_entropy,
    resized_cross_entropy_sums,
)
from .soft_cross_entropy_loss import SoftCrossEntropyLoss, soft_cross_entropy

__all__ = [
    'SoftCrossEntropyLoss', 'resized_cross_entropy',
    'resized_cross_entropy_sums', 'soft_cross_entropy'
]
