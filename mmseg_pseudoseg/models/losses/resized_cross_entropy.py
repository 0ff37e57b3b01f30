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
# Elements of a band's logits: what stays in a CPU's caches, and what keeps a
# GPU busy.
BAND = {'cpu': 2**20, 'cuda': 2**25}


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


@lru_cache(maxsize=8)
def first_class(shape: Tuple[int, ...], device: torch.device) -> Tensor:
    """Where in a flattened band class 0 of each pixel stands, made once.

    Args:
        shape (tuple[int]): Of the band, (N, R, C, W).
        device (torch.device): Of the result.

    Returns:
        Tensor: int64, (N, R, 1, W).
    """
    images, rows, classes, width = shape
    row = torch.arange(images * rows, device=device) * (classes * width)
    return row.view(images, rows, 1, 1) + torch.arange(width, device=device)


def band_loss(logits: Tensor, chosen: Tensor,
              valid: Tensor) -> Tuple[Tensor, Tensor]:
    """Summed cross entropy of a band in bits, and its gradient.

    In powers of two, because torch's ``exp2`` takes a third of the time of
    its ``exp`` on a CPU. All that is called here leaves each thread of a
    CPU in its part of the band; ``gather``, ``index_select`` and
    ``scatter_add_`` would not, and moving it from core to core can take
    longer than the arithmetic.

    Args:
        logits (Tensor): Over ln 2, contiguous, (N, R, C, W); is overwritten.
        chosen (Tensor): Where in the flattened logits that of a pixel's label
            stands, int64, (N, R, 1, W); that of any class if not valid.
        valid (Tensor): 1 where a pixel counts, else 0, (N, R, 1, W).

    Returns:
        tuple[Tensor, Tensor]: Scalar, and (N, R, C, W).
    """
    logits.sub_(logits.amax(dim=2, keepdim=True))
    of_label = logits.take(chosen)
    prob = logits.exp2_()
    total = prob.sum(dim=2, keepdim=True)
    loss = ((total.log2() - of_label) * valid).sum()
    scale = valid / total
    grad = prob.mul_(scale)
    grad.view(-1)[chosen] = of_label.exp2_().mul_(scale).sub_(valid)
    return loss, grad


class _ResizedCrossEntropy(torch.autograd.Function):
    """Loss and gradient in one sweep over bands of rows."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, masks: Tensor, align_corners: bool,
                ignore_index: int) -> Tensor:
        images, classes, height, width = logits.shape
        size = masks.shape[1:]
        kind = logits.device, logits.dtype
        columns_of = columns(width, size[1], align_corners, *kind)
        wide = (logits @ (columns_of.T / LN2)).transpose(1, 2).flatten(2)
        grad_wide = torch.zeros_like(wide)  # (N, h, CW)
        masks = masks[:, :, None]
        counts = masks != ignore_index
        valid = counts.to(wide)
        # Where a label's row starts; a lookup refuses what is no class.
        starts = torch.arange(classes, device=masks.device) * size[1]
        starts = starts.index_select(
            0, masks.where(counts, 0).flatten()).view_as(valid)
        loss = logits.new_zeros(())
        row = images * wide.shape[2]
        most = BAND['cuda' if logits.is_cuda else 'cpu']
        step = min(-(-most // row), size[0])
        memory = wide.new_empty(step * row)  # of every band
        for rows, sources, weights in bands(
                height, size[0], align_corners, step, *kind):
            shape = images, len(weights), classes, size[1]
            band = memory[:math.prod(shape)].view(*shape[:2], -1)
            torch.bmm(weights.expand(images, -1, -1), wide[:, sources],
                      out=band)
            chosen = first_class(shape, logits.device) + starts[:, rows]
            one, grad = band_loss(band.view(shape), chosen, valid[:, rows])
            loss += one
            grad_wide[:, sources] += torch.bmm(
                weights.T.expand(images, -1, -1), grad.flatten(2))
        pixels = counts.sum().clamp(min=1)
        grad = grad_wide.unflatten(2, (classes, -1)).transpose(1, 2)
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
