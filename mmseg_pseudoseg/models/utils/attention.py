"""Propagation of class scores between similar positions (equation 3).

Shape legend:
    N: images, E: embedding channels, K: score channels, h, w: feature size,
    L = h * w.
"""

from typing import Optional

import torch.nn.functional as F
from torch import Tensor


def propagate(scores: Tensor,
              query: Tensor,
              key: Tensor,
              valid: Optional[Tensor] = None) -> Tensor:
    """Average the scores of all positions, weighted by similarity.

    ``out_i = sum_j softmax_j(q_i . k_j / sqrt(E)) scores_j`` over the valid
    positions j, where i is valid. The authors' code masks pairs (i, j), so
    that an invalid i attends to all positions alike. No loss reads it there,
    but the statistics of SGC's batch norm do.

    The value at an invalid i depends on no product, and has no gradient to
    one. The authors add -1e9 to masked products: in float32 that leaves
    nothing of them in the value, but lets a gradient through, which follows no
    change of the loss. It is left out (docs/choices.md).

    Args:
        scores (Tensor): (N, K, h, w).
        query (Tensor): (N, E, h, w).
        key (Tensor): (N, E, h, w).
        valid (Tensor, optional): True inside the image, bool, (N, 1, h, w).

    Returns:
        Tensor: (N, K, h, w), in the dtype of ``query``.
    """
    mask = None
    if valid is not None:
        keys = valid.flatten(2)  # (N, 1, L)
        # Without any key the softmax would be 0 / 0.
        mask = (keys | ~keys.any(dim=2, keepdim=True))[:, :, None]

    # torch's fused kernels keep no L x L matrix. They want equal widths, a
    # multiple of 8, and channels side by side; zeros change no product.
    embed, channels = query.shape[1], scores.shape[1]
    width = -(-max(embed, channels) // 8) * 8

    def tokens(x: Tensor) -> Tensor:  # (N, 1, L, width)
        x = x.flatten(2).transpose(1, 2)
        if x.shape[2] < width:  # F.pad copies, even by nothing
            x = F.pad(x, (0, width - x.shape[2]))
        return x[:, None] if x.stride(2) == 1 else x[:, None].contiguous()

    out = F.scaled_dot_product_attention(
        tokens(query), tokens(key), tokens(scores.to(query)), attn_mask=mask,
        scale=embed**-0.5)
    out = out[:, 0, :, :channels].transpose(1, 2).reshape(scores.shape)
    if valid is None:
        return out
    # What the pair mask gives: a softmax over equal numbers.
    return out.where(valid, scores.mean(dim=(2, 3), keepdim=True).to(out))
