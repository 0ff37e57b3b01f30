"""Stock figures of a step, computed without stopping the host.

MMSegmentation's cross entropy reads the number of valid pixels, its accuracy
selects them: on a GPU each makes the host wait until all work so far is done,
in every step. The functions here return the same values and leave them on the
device. They take the place of the stock ones, since every stock head calls
those by name; what they do not cover goes to the stock ones.
"""

from functools import wraps
from typing import Any, Callable, Optional

import torch
from mmseg.models.decode_heads import ddr_head, decode_head, pid_head
from mmseg.models.losses import accuracy as stock_accuracy
from mmseg.models.losses import cross_entropy_loss
from torch import Tensor

stock_cross_entropy: Callable = cross_entropy_loss.cross_entropy


def percentage(hits: Tensor, pixels: Tensor) -> Tensor:
    """Accuracy as the stock one rounds it: (1,), 100 without a pixel."""
    eps = torch.finfo(torch.float32).eps
    return ((hits + eps) * 100. / (pixels + eps)).reshape(1)


@wraps(stock_accuracy)
def accuracy(pred: Tensor, target: Tensor, topk: Any = 1,
             thresh: Optional[float] = None,
             ignore_index: Optional[int] = None) -> Any:
    """Share of valid pixels whose largest score is the target's, per cent.

    Args:
        pred (Tensor): (N, C, ...).
        target (Tensor): (N, ...).
        topk (int | tuple[int]): Others than 1 are computed by the stock one.
        thresh (float, optional): If given, the stock one computes.
        ignore_index (int, optional): Target of pixels that do not count.

    Returns:
        Tensor: (1,), in [0, 100].
    """
    if topk != 1 or thresh is not None or ignore_index is None or not len(
            pred):
        return stock_accuracy(pred, target, topk, thresh, ignore_index)
    valid = target != ignore_index
    hits = ((pred.argmax(dim=1) == target) & valid).sum()
    return percentage(hits, valid.sum())


@wraps(stock_cross_entropy)
def cross_entropy(pred: Tensor, label: Tensor, weight: Optional[Tensor] = None,
                  class_weight: Optional[Tensor] = None,
                  reduction: str = 'mean', avg_factor: Any = None,
                  ignore_index: int = -100,
                  avg_non_ignore: bool = False) -> Tensor:
    """The stock function; the number of valid pixels stays on the device."""
    if avg_non_ignore and avg_factor is None and class_weight is None \
            and reduction == 'mean':
        avg_factor = (label != ignore_index).sum()
    return stock_cross_entropy(pred, label, weight, class_weight, reduction,
                               avg_factor, ignore_index, avg_non_ignore)


def replace_stock_functions() -> None:
    """Let the stock heads and ``CrossEntropyLoss`` use the functions here."""
    for module in (decode_head, ddr_head, pid_head):
        module.accuracy = accuracy
    cross_entropy_loss.cross_entropy = cross_entropy
