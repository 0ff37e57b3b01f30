"""Heads."""

from .sgc_head import SGCHead, SGCOutput

__all__ = ['SGCHead', 'SGCOutput']
