"""Cross entropy against a soft target, averaged over valid pixels."""

from typing import Optional

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..utils.softmax import over_classes


def soft_cross_entropy(logits: Tensor,
                       target: Tensor,
                       valid: Tensor,
                       weight: Optional[Tensor] = None) -> Tensor:
    """``sum_i v_i w_i CE(target_i, logits_i) / sum_i v_i`` over all pixels i.

    The denominator counts valid pixels, not confident ones (authors' code).

    Args:
        logits (Tensor): (N, C, H, W).
        target (Tensor): Sums to 1 over dim 1, (N, C, H, W).
        valid (Tensor): True where a pixel is real, (N, 1, H, W).
        weight (Tensor, optional): (N, 1, H, W).

    Returns:
        Tensor: Scalar, float32 at least. Without a valid pixel it is 0, and
        its gradient is defined (0).
    """
    logits = logits.float() if logits.dtype.itemsize < 4 else logits
    log_prob = over_classes(torch.log_softmax, logits)
    loss = -(target * log_prob).sum(dim=1, keepdim=True)
    valid = valid.to(loss)
    pixels = valid if weight is None else valid * weight
    return (loss * pixels).sum() / valid.sum().clamp(min=1)


@MODELS.register_module()
class SoftCrossEntropyLoss(nn.Module):
    """Module of :func:`soft_cross_entropy` (L_u, equation 2).

    The stock ``CrossEntropyLoss`` refuses a soft target together with pixels
    to ignore, and divides by all pixels.

    Args:
        loss_weight (float): Factor.
        loss_name (str): Key of the loss; must contain ``loss`` to be summed.
    """

    def __init__(self,
                 loss_weight: float = 1.0,
                 loss_name: str = 'loss_soft_ce') -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(self,
                logits: Tensor,
                target: Tensor,
                valid: Tensor,
                weight: Optional[Tensor] = None) -> Tensor:
        """See :func:`soft_cross_entropy`."""
        return self.loss_weight * soft_cross_entropy(logits, target, valid,
                                                     weight)
