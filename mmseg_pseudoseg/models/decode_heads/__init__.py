"""Heads that join the decoder."""

from .banded_loss import use_bands
from .sgc_head import SGCHead, SGCOutput

__all__ = ['SGCHead', 'SGCOutput', 'use_bands']
