"""Softmax over the classes in the layout at hand.

torch computes a softmax over dim 1 of a channels_last tensor on a contiguous
copy and returns that layout, so that everything behind it mixes both. Over the
last dim of a permuted view it does neither.

Shape legend:
    N: images, C: classes, H, W: size of the logits.
"""

import torch
from torch import Tensor

FEW = 16  # torch's softmax over a last dim is slow below a vector's width


def _classes_last(logits: Tensor) -> bool:
    """Whether the view is worth it."""
    return logits.shape[1] >= FEW and not logits.is_contiguous() and \
        logits.is_contiguous(memory_format=torch.channels_last)


def softmax(logits: Tensor) -> Tensor:
    """``logits.softmax(dim=1)``.

    Args:
        logits (Tensor): (N, C, H, W).

    Returns:
        Tensor: (N, C, H, W).
    """
    if not _classes_last(logits):
        return logits.softmax(dim=1)
    return logits.permute(0, 2, 3, 1).softmax(dim=3).permute(0, 3, 1, 2)


def log_softmax(logits: Tensor) -> Tensor:
    """``logits.log_softmax(dim=1)``.

    Args:
        logits (Tensor): (N, C, H, W).

    Returns:
        Tensor: (N, C, H, W).
    """
    if not _classes_last(logits):
        return logits.log_softmax(dim=1)
    return logits.permute(0, 2, 3, 1).log_softmax(dim=3).permute(0, 3, 1, 2)
