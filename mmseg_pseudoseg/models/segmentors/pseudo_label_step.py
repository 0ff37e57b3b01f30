"""What one weak pass made, for those who look at it."""

from typing import NamedTuple, Optional

from torch import Tensor

from ..decode_heads import SGCOutput


class PseudoLabelStep(NamedTuple):
    """The tensors of one weak pass, none with a gradient.

    Letters as in :mod:`semi_segmentor`.

    Attributes:
        logits (Tensor): The decoder's, before the softmax, (N, C, H', W').
        sgc (SGCOutput): Classifier, Grad-CAM and SGC map; the map is
            (N, C, h, w).
        label (Tensor): Pseudo label, sums to 1 over the classes,
            (N, C, H', W').
        weight (Tensor): Of each pixel in L_u, (N, 1, H', W').
        inside (Tensor): ``valid`` at the label's size, 1 or 0, (N, 1, H', W').
        valid (Tensor): True where L_u may count a pixel: neither padding nor
            erased in the strong view; bool, (N, 1, H, W).
        image_labels (Tensor, optional): The given image-level labels, 0 or 1,
            (N, C-1); None where the classifier decided.
    """

    logits: Tensor
    sgc: SGCOutput
    label: Tensor
    weight: Tensor
    inside: Tensor
    valid: Tensor
    image_labels: Optional[Tensor]
