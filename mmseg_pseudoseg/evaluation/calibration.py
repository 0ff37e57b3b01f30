"""Bins of a reliability diagram, and the calibration errors they give.

Shape legend:
    P: pixels, C: classes, B: bins of equal width over [0, 1],
    H, W: size of a map.
"""

from dataclasses import dataclass
from typing import Tuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class Bins:
    """Sums over the pixels of each bin; all that the errors need.

    Integers count exactly, and float64 sums of 1e8 confidences are off by
    less than 1e-8 of their value. In float32 a count stops at 2^24.

    Args:
        count (Tensor): Pixels, int64, (C, B), or (B,) over all classes.
        right (Tensor): Those whose class is right, int64, same shape.
        confidence (Tensor): Sum of their confidence, float64, same shape.
    """

    count: Tensor
    right: Tensor
    confidence: Tensor

    @classmethod
    def zeros(cls, *shape: int) -> 'Bins':
        """No pixel yet.

        Args:
            *shape (int): (C, B) or (B,).

        Returns:
            Bins: All 0.
        """
        return cls(
            torch.zeros(shape, dtype=torch.int64),
            torch.zeros(shape, dtype=torch.int64),
            torch.zeros(shape, dtype=torch.float64))

    def __add__(self, other: 'Bins') -> 'Bins':
        return Bins(self.count + other.count, self.right + other.right,
                    self.confidence + other.confidence)

    @property
    def parts(self) -> Tuple[Tensor, Tensor, Tensor]:
        """The three sums themselves (``astuple`` would copy them)."""
        return self.count, self.right, self.confidence

    def cpu(self) -> 'Bins':
        """The same on the CPU.

        Returns:
            Bins: In the same shape.
        """
        return Bins(*(part.cpu() for part in self.parts))

    def pooled(self) -> 'Bins':
        """Add up the classes.

        Returns:
            Bins: (B,), where this one is (C, B).
        """
        return Bins(*(part.sum(dim=0) for part in self.parts))


def top_label(logits: Tensor) -> Tuple[Tensor, Tensor]:
    """The class that a network reports, and how sure it is.

    Args:
        logits (Tensor): ``seg_logits`` of a ``SegDataSample``, (C, H, W):
            before the softmax, or, with one channel, *after* the sigmoid,
            which ``BaseSegmentor.postprocess_result`` has applied then: the
            probability of class 1 against class 0.

    Returns:
        tuple[Tensor, Tensor]: Confidence in [0, 1], float32 (float64 for
        float64 input), and class, int64; (H, W).

    Raises:
        ValueError: If the one channel is outside [0, 1].
    """
    if logits.dtype != torch.float64:
        logits = logits.float()
    if len(logits) > 1:
        confidence, label = logits.softmax(dim=0).max(dim=0)
        return confidence, label
    if logits.numel() and not 0 <= logits.min() <= logits.max() <= 1:
        raise ValueError(
            f'seg_logits has one channel with values from {logits.min():.3g} '
            f'to {logits.max():.3g}: apply the sigmoid, as BaseSegmentor does')
    positive = logits[0]
    return torch.maximum(positive, 1 - positive), (positive > 0.5).long()


def bin_pixels(confidence: Tensor,
               label: Tensor,
               truth: Tensor,
               num_classes: int,
               num_bins: int,
               ignore_index: int = 255) -> Bins:
    """Sort pixels into bins by their predicted class and confidence.

    Bin b holds ``b / B < confidence <= (b + 1) / B`` (Guo et al., 2017), and
    bin 0 also a confidence of 0. Edges are compared in float64: the float32
    next to 0.1 is larger than 0.1 and goes up.

    Args:
        confidence (Tensor): In [0, 1], any shape of P elements.
        label (Tensor): Predicted class, int64, same shape.
        truth (Tensor): Class, any integer type, same shape.
        num_classes (int): C.
        num_bins (int): B.
        ignore_index (int): Where ``truth`` has it, a pixel is left out.

    Returns:
        Bins: (C, B).

    Raises:
        ValueError: If a true class is neither in [0, C) nor ignored.
    """
    valid = truth != ignore_index
    outside = valid & ((truth < 0) | (truth >= num_classes))
    if outside.any():
        raise ValueError(
            f'masks hold class {int(truth[outside][0])}, but there are '
            f'{num_classes} classes; set reduce_zero_label of the data set or '
            'ignore_index of the metric')
    confidence, size = confidence.double(), num_classes * num_bins
    edges = torch.arange(
        1, num_bins, dtype=torch.float64, device=truth.device) / num_bins
    place = label * num_bins + torch.bucketize(confidence, edges)
    # Ignored pixels go to a place of their own, which is cut off.
    place = place.masked_fill(~valid, size).flatten()
    hits = (2 * place + (label == truth).flatten()).bincount(
        minlength=2 * size)[:2 * size].view(num_classes, num_bins, 2)
    sums = place.bincount(confidence.flatten(), minlength=size)[:size]
    return Bins(hits.sum(dim=-1), hits[..., 1].contiguous(),
                sums.view(num_classes, num_bins))


def expected_error(bins: Bins) -> Tensor:
    """ECE: mean over the pixels of their bin's |accuracy - confidence|.

    ``sum_b n_b / n * |acc_b - conf_b|``, equation 3 of Guo et al., "On
    Calibration of Modern Neural Networks", ICML 2017. Over (C, B) this is
    the ECE of the pixels that are *predicted* as a class: the terms of
    top-label calibration (Gupta and Ramdas, "Top-Label Calibration and
    Multiclass-to-Binary Reductions", ICLR 2022), whose TL-ECE is their mean
    weighted with the pixels.

    Args:
        bins (Bins): (..., B).

    Returns:
        Tensor: In [0, 1], float64, (...); nan where there is no pixel.
    """
    gaps = (bins.right - bins.confidence).abs().sum(dim=-1)
    return gaps / bins.count.sum(dim=-1)


def maximum_error(bins: Bins) -> Tensor:
    """MCE: the largest |accuracy - confidence| of a bin that has pixels.

    Equation 5 of Guo et al. (2017).

    Args:
        bins (Bins): (..., B).

    Returns:
        Tensor: In [0, 1], float64, (...); nan where there is no pixel.
    """
    gaps = (bins.right - bins.confidence).abs() / bins.count.clamp(min=1)
    empty = bins.count.sum(dim=-1) == 0
    return gaps.amax(dim=-1).masked_fill(empty, float('nan'))
