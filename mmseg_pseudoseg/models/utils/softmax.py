"""Softmax over the classes in the layout at hand.

torch computes a softmax over dim 1 of a channels_last tensor on a contiguous
copy and returns that layout, so that everything behind it mixes both. Over the
last dim of a permuted view it does neither.

Shape legend:
    N: images, C: classes, H, W: size of the logits.
"""

from typing import Callable

import torch
from torch import Tensor

FEW = 16  # torch's softmax over a last dim is slow below a vector's width


def over_classes(function: Callable[..., Tensor], logits: Tensor) -> Tensor:
    """``function(logits, dim=1)`` in the layout of ``logits``.

    Args:
        function (Callable): ``torch.softmax`` or ``torch.log_softmax``.
        logits (Tensor): (N, C, H, W).

    Returns:
        Tensor: (N, C, H, W).
    """
    if logits.shape[1] < FEW or logits.is_contiguous() or \
            not logits.is_contiguous(memory_format=torch.channels_last):
        return function(logits, dim=1)
    return function(logits.permute(0, 2, 3, 1), dim=3).permute(0, 3, 1, 2)
