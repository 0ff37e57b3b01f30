"""The SGC head, and the loss of stock heads."""

from .banded_loss import use_bands
from .sgc_head import SGCHead, SGCOutput

__all__ = ['SGCHead', 'SGCOutput', 'use_bands']
