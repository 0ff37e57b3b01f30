"""Segmentors."""

from .semi_segmentor import CascadeSemiSegmentor, SemiSegmentor

__all__ = ['CascadeSemiSegmentor', 'SemiSegmentor']
