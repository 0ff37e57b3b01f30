"""Cross entropy of a small score map against masks of full size.

Shape legend:
    N: images, C: classes, h, w: size of the logits, H, W: size of the masks,
    R: rows of a band, S: rows of the logits that they are made of.
"""

import math
from functools import lru_cache
from typing import Any, NamedTuple, Tuple

import torch
from torch import Tensor

from .resizing import band_rows, narrow, parts, widen

LN2 = math.log(2)
# Elements of a band's logits: what stays in a CPU's caches, and what keeps a
# GPU busy.
BAND = {'cpu': 2**20, 'cuda': 2**25}
# Columns of one product: few factors that are 0, or few products.
SPAN = {'cpu': 160, 'cuda': 2**12}


class Sums(NamedTuple):
    """Over all valid pixels of a batch; scalars.

    Attributes:
        loss (Tensor): Cross entropy in nats, with gradient.
        hits (Tensor): Pixels whose label has the largest logit, int64. A tie
            is a hit.
        pixels (Tensor): Valid ones, int64.
    """

    loss: Tensor
    hits: Tensor
    pixels: Tensor


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


def band_loss(logits: Tensor, chosen: Tensor, counts: Tensor,
              valid: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """Summed cross entropy of a band in bits, its gradient, and the hits.

    In powers of two, because torch's ``exp2`` takes a third of the time of
    its ``exp`` on a CPU. All that is called here leaves each thread of a
    CPU in its part of the band; ``gather``, ``index_select`` and
    ``scatter_add_`` would not, and moving it from core to core can take
    longer than the arithmetic.

    Args:
        logits (Tensor): Over ln 2, contiguous, (N, R, C, W); is overwritten.
        chosen (Tensor): Where in the flattened logits that of a pixel's label
            stands, int64, (N, R, 1, W); that of any class if not valid.
        counts (Tensor): Which pixels are valid, bool, (N, R, 1, W).
        valid (Tensor): The same as 1 or 0, in the dtype of the logits.

    Returns:
        tuple[Tensor, Tensor, Tensor]: Scalar, (N, R, C, W), and how many
        valid pixels have the largest logit where their label is.
    """
    logits.sub_(logits.amax(dim=2, keepdim=True))
    of_label = logits.take(chosen)
    hits = torch.count_nonzero((of_label == 0) & counts)
    prob = logits.exp2_()
    total = prob.sum(dim=2, keepdim=True)
    loss = ((total.log2() - of_label) * valid).sum()
    scale = valid / total
    grad = prob.mul_(scale)
    grad.view(-1)[chosen] = of_label.exp2_().mul_(scale).sub_(valid)
    return loss, grad, hits


def first_of_label(masks: Tensor, counts: Tensor, classes: int) -> Tensor:
    """Where in a pixel row's (C, W) logits those of its label's class start.

    By a lookup, which refuses what is no class.

    Args:
        masks (Tensor): Class ids, int64, (N, H, 1, W).
        counts (Tensor): Which of them are valid, bool, (N, H, 1, W).
        classes (int): C.

    Returns:
        Tensor: int64, (N, H, 1, W).
    """
    starts = torch.arange(classes, device=masks.device) * masks.shape[3]
    return starts.index_select(
        0, masks.where(counts, 0).flatten()).view_as(masks)


def sweep(logits: Tensor, masks: Tensor, align_corners: bool,
          ignore_index: int) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
    """The three :class:`Sums`, and the gradient of the first.

    Args:
        logits (Tensor): (N, C, h, w).
        masks (Tensor): (N, H, W).
        align_corners (bool): Of the resizing.
        ignore_index (int): Value of pixels that do not count.

    Returns:
        tuple[Tensor, Tensor, Tensor, Tensor]: Scalars, and (N, C, h, w).
    """
    images, classes, height, width = logits.shape
    size, kind = masks.shape[1:], (logits.device, logits.dtype)
    device = 'cuda' if logits.is_cuda else 'cpu'
    row = images * classes * size[1]
    step = band_rows(BAND[device] // row, height, size[0])
    strips = parts(height, size[0], align_corners, step, *kind)
    spans = parts(width, size[1], align_corners, SPAN[device], *kind)
    masks = masks[:, :, None]
    counts = masks != ignore_index
    valid = counts.to(logits)
    starts = first_of_label(masks, counts, classes)

    small = (logits / LN2).transpose(1, 2).contiguous()  # (N, h, C, w)
    grad = torch.zeros_like(small)
    loss, hits = logits.new_zeros(()), masks.new_zeros(())
    most = max(strip.weights.shape[1] for strip in strips)
    memory = small.new_empty(step * row)  # of every band
    wide_memory = small.new_empty(images * most * classes, size[1])
    for rows, sources, weights in strips:
        taken = small[:, sources].reshape(-1, width)  # (NSC, w)
        wide = widen(taken, spans, wide_memory[:len(taken)])
        by_image = wide.view(images, -1, classes * size[1])  # (N, S, CW)
        shape = images, len(weights), classes, size[1]
        band = memory[:math.prod(shape)].view(*shape[:2], -1)
        torch.bmm(weights.expand(images, -1, -1), by_image, out=band)
        chosen = first_class(shape, logits.device) + starts[:, rows]
        band_sum, band_grad, right = band_loss(
            band.view(shape), chosen, counts[:, rows], valid[:, rows])
        loss += band_sum
        hits += right
        torch.bmm(weights.T.expand(images, -1, -1), band_grad.flatten(2),
                  out=by_image)
        grad[:, sources] += narrow(
            wide, spans, torch.zeros_like(taken)).view_as(grad[:, sources])
    return loss * LN2, hits, counts.sum(), grad.transpose(1, 2)


class _ResizedCrossEntropy(torch.autograd.Function):
    """Loss and gradient in one sweep."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Tuple[Tensor, Tensor, Tensor]:
        loss, hits, pixels, grad = sweep(*args)
        ctx.save_for_backward(grad)
        ctx.mark_non_differentiable(hits, pixels)
        return loss, hits, pixels

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tuple[Tensor, None, None, None]:
        return ctx.saved_tensors[0] * grads[0], None, None, None


@torch.compiler.disable  # loops over bands; the compiler would unroll them
def resized_cross_entropy_sums(logits: Tensor, masks: Tensor,
                               align_corners: bool,
                               ignore_index: int = 255) -> Sums:
    """Cross entropy and hits of bilinearly resized logits, summed.

    ``F.cross_entropy(F.interpolate(logits, (H, W)), masks)``, but the resized
    logits, their softmax and its gradient (N x C x H x W each, 340 MB for
    four crops of 513 and 81 classes) exist for a band of rows at a time.

    Args:
        logits (Tensor): Before the softmax, (N, C, h, w).
        masks (Tensor): Class ids, int64, (N, H, W).
        align_corners (bool): Of the resizing.
        ignore_index (int): Value of pixels that do not count.

    Returns:
        Sums: The loss is float32 at least and can be differentiated once.
    """
    if logits.dtype.itemsize < 4:
        logits = logits.float()
    with torch.autocast(logits.device.type, enabled=False):
        return Sums(*_ResizedCrossEntropy.apply(
            logits, masks, align_corners, ignore_index))


def resized_cross_entropy(logits: Tensor, masks: Tensor, align_corners: bool,
                          ignore_index: int = 255) -> Tensor:
    """Mean of :func:`resized_cross_entropy_sums` over the valid pixels.

    As in the stock ``CrossEntropyLoss(avg_non_ignore=True)``, but the host
    does not wait for their number.

    Args:
        logits (Tensor): Before the softmax, (N, C, h, w).
        masks (Tensor): Class ids, int64, (N, H, W).
        align_corners (bool): Of the resizing.
        ignore_index (int): Value of pixels that do not count.

    Returns:
        Tensor: Scalar, float32 at least; 0 without a valid pixel.
    """
    sums = resized_cross_entropy_sums(
        logits, masks, align_corners, ignore_index)
    return sums.loss / sums.pixels.clamp(min=1)
