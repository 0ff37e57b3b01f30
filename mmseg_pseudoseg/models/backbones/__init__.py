"""Backbones and their pretrained weights."""

from .aligned_xception import AlignedXception
from .timm_pretrained import TIMMPretrained, WeightsError

__all__ = ['AlignedXception', 'TIMMPretrained', 'WeightsError']
