"""Cross entropy of a small score map against masks of full size.

Shape legend:
    N: images, C: classes, h, w: size of the logits, H, W: size of the masks,
    R: rows of a band.
"""

import math
from functools import lru_cache
from typing import Any, List, NamedTuple, Tuple

import torch
from torch import Tensor
from torch.nn import functional as F

LN2 = math.log(2)
# Elements of a band's logits: what stays in a core's cache, and what keeps a
# GPU busy.
BAND = {'cpu': 2**19, 'cuda': 2**25}


class Band(NamedTuple):
    """Some rows of the resized map.

    Attributes:
        rows (slice): Which.
        sources (slice): Rows of the small map that they are made of.
        weights (Tensor): (R, number of ``sources``).
    """

    rows: slice
    sources: slice
    weights: Tensor


def resize_matrix(source: int, target: int, align_corners: bool) -> Tensor:
    """Bilinear resizing along one axis as a matrix, (target, source)."""
    unit = torch.eye(source, dtype=torch.float64)
    return F.interpolate(unit[None, None], (target, source), mode='bilinear',
                         align_corners=align_corners)[0, 0]


@lru_cache(maxsize=32)
def columns(source: int, target: int, align_corners: bool,
            device: torch.device, dtype: torch.dtype) -> Tensor:
    """:func:`resize_matrix` on a device, made once."""
    return resize_matrix(source, target, align_corners).to(device, dtype)


@lru_cache(maxsize=32)
def bands(source: int, target: int, align_corners: bool, step: int,
          device: torch.device, dtype: torch.dtype) -> List[Band]:
    """Bands of ``step`` rows each, made once: the host knows their sources."""
    matrix, found = resize_matrix(source, target, align_corners), []
    for start in range(0, target, step):
        part = matrix[start:start + step]
        used = part.any(dim=0).nonzero()
        sources = slice(int(used[0]), int(used[-1]) + 1)
        found.append(Band(slice(start, start + step), sources,
                          part[:, sources].to(device, dtype)))
    return found


def band_loss(logits: Tensor, labels: Tensor,
              valid: Tensor) -> Tuple[Tensor, Tensor]:
    """Summed cross entropy of a band in bits, and its gradient.

    In powers of two, because torch's ``exp2`` takes a third of the time of
    its ``exp`` on a CPU.

    Args:
        logits (Tensor): Over ln 2, (R, N, C, W); is overwritten.
        labels (Tensor): Class ids, int64, (R, N, 1, W), 0 where not valid.
        valid (Tensor): 1 where a pixel counts, else 0, (R, N, 1, W).

    Returns:
        tuple[Tensor, Tensor]: Scalar, and (R, N, C, W).
    """
    logits.sub_(logits.amax(dim=2, keepdim=True))
    chosen = logits.gather(2, labels)
    prob = logits.exp2_()
    total = prob.sum(dim=2, keepdim=True)
    loss = ((total.log2() - chosen) * valid).sum()
    grad = prob.mul_(valid / total)
    return loss, grad.scatter_add_(2, labels, -valid)


class _ResizedCrossEntropy(torch.autograd.Function):
    """Loss and gradient in one sweep over bands of rows."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, masks: Tensor, align_corners: bool,
                ignore_index: int) -> Tensor:
        height, width = logits.shape[2:]
        kind = logits.device, logits.dtype
        columns_of = columns(width, masks.shape[2], align_corners, *kind)
        wide = (logits @ (columns_of.T / LN2)).permute(2, 0, 1, 3)
        shape = wide.shape[1:]  # (N, C, W)
        wide = wide.flatten(1)  # rows first: one product for a band
        grad_wide = torch.zeros_like(wide)
        loss = logits.new_zeros(())
        step = -(-BAND['cuda' if logits.is_cuda else 'cpu'] // wide.shape[1])
        masks = masks.transpose(0, 1)[:, :, None]  # (H, N, 1, W)
        counts = masks != ignore_index
        labels, valid = masks.where(counts, 0), counts.to(wide)
        memory = wide.new_empty(step, wide.shape[1])  # of every band
        for rows, sources, weights in bands(
                height, len(masks), align_corners, step, *kind):
            band = torch.mm(
                weights, wide[sources], out=memory[:len(weights)])
            one, grad = band_loss(
                band.unflatten(1, shape), labels[rows], valid[rows])
            loss += one
            grad_wide[sources].addmm_(weights.T, grad.flatten(1))
        pixels = counts.sum().clamp(min=1)
        grad = grad_wide.unflatten(1, shape).permute(1, 2, 0, 3)
        ctx.save_for_backward(grad @ columns_of / pixels)
        return loss * LN2 / pixels

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tuple[Tensor, None, None, None]:
        return ctx.saved_tensors[0] * grads[0], None, None, None


@torch.compiler.disable  # loops over bands; the compiler would unroll them
def resized_cross_entropy(logits: Tensor, masks: Tensor, align_corners: bool,
                          ignore_index: int = 255) -> Tensor:
    """Mean cross entropy of bilinearly resized logits over valid pixels.

    ``F.cross_entropy(F.interpolate(logits, (H, W)), masks)``, but the resized
    logits, their softmax and its gradient (N x C x H x W each, 340 MB for
    four crops of 513 and 81 classes) exist for a band of rows at a time. As
    in the stock ``CrossEntropyLoss(avg_non_ignore=True)`` the mean is over
    valid pixels, but the host does not wait for their number.

    Args:
        logits (Tensor): Before the softmax, (N, C, h, w).
        masks (Tensor): Class ids, int64, (N, H, W).
        align_corners (bool): Of the resizing.
        ignore_index (int): Value of pixels that do not count.

    Returns:
        Tensor: Scalar, float32 at least; 0 without a valid pixel. It can be
        differentiated once.
    """
    if logits.dtype.itemsize < 4:
        logits = logits.float()
    with torch.autocast(logits.device.type, enabled=False):
        return _ResizedCrossEntropy.apply(
            logits, masks, align_corners, ignore_index)
