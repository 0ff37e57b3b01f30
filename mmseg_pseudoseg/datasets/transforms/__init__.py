"""Transforms."""

from .formatting import PackSemiInputs
from .loading import (
                      CheckAnnotations,
                      ImageLabelsFromMask,
                      LoadBlankAnnotations,
)
from .strong import ColorJitter, CutOut
from .wrappers import MultiBranch

__all__ = [
    'CheckAnnotations', 'ColorJitter', 'CutOut', 'ImageLabelsFromMask',
    'LoadBlankAnnotations', 'MultiBranch', 'PackSemiInputs'
]
