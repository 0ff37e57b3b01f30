"""Segmentors."""

from .cascade_semi_segmentor import CascadeSemiSegmentor
from .semi_segmentor import SemiSegmentor

__all__ = ['CascadeSemiSegmentor', 'SemiSegmentor']
