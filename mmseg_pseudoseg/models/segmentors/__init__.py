"""Segmentors."""

from .cascade_semi_segmentor import CascadeSemiSegmentor
from .pseudo_label_step import PseudoLabelStep
from .semi_segmentor import SemiSegmentor

__all__ = ['CascadeSemiSegmentor', 'PseudoLabelStep', 'SemiSegmentor']
