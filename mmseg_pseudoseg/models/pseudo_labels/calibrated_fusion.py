"""Fuse decoder and SGC logits into one calibrated soft label (equation 4).

Shape legend:
    N: images, C: classes, H, W: size of the decoder's logits,
    h, w: size of the SGC map.
"""

from typing import Optional, Tuple

import torch
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..utils.softmax import over_classes

NORMS = ('rms', 'l2', None)
SOURCES = ('fused', 'decoder', 'sgc')


def joint_scale(decoder: Tensor, sgc: Tensor, norm: str) -> Tensor:
    """The common factor that both logits are divided by.

    Args:
        decoder (Tensor): (N, C, H, W).
        sgc (Tensor): (N, C, H, W).
        norm (str): ``'rms'`` for the root mean square over everything (the
            authors' code), ``'l2'`` for equation 4 read literally: the root of
            the sum of squares over the channels of a pixel.

    Returns:
        Tensor: Positive; a scalar for ``'rms'``, (N, 1, H, W) for ``'l2'``.
    """
    squares = decoder.square() + sgc.square()
    if norm == 'rms':
        # Both have as many elements: the mean over both is half their sum's.
        return (squares.mean() / 2 + 1e-8).sqrt()
    return (squares.sum(dim=1, keepdim=True) + 1e-8).sqrt()


def sharpen(prob: Tensor, temperature: float) -> Tensor:
    """``p^(1/T)``, renormalised over the classes; T < 1 sharpens.

    Args:
        prob (Tensor): Sums to 1 over dim 1, (N, C, H, W).
        temperature (float): T > 0.

    Returns:
        Tensor: (N, C, H, W), sums to 1 over dim 1.
    """
    if temperature == 1:
        return prob
    # Of the largest, so that not all underflow where T is small.
    powers = (prob / prob.amax(dim=1, keepdim=True)).pow(1 / temperature)
    return powers / powers.sum(dim=1, keepdim=True)


@MODELS.register_module()
class CalibratedFusion(nn.Module):
    """Soft pseudo label from two sources of evidence.

    Sharpening and the two softmaxes are stock torch; what MMSegmentation has
    no counterpart for is the scale that both sources share.

    Args:
        gamma (float): Weight of the decoder, in [0, 1].
        temperature (float): T of the sharpening, > 0; 1 leaves it out.
        norm (str, optional): ``'rms'``, ``'l2'`` (see :func:`joint_scale`) or
            None for plain softmaxes. Acts on ``source='fused'`` alone, as in
            the authors' code.
        source (str): ``'fused'``, or ``'decoder'`` / ``'sgc'`` alone.
        hard (bool): One-hot labels of the largest probability, which is taken
            before sharpening.
        threshold (float, optional): Pixels whose largest probability (after
            sharpening if soft) is below it get weight 0.
        align_corners (bool): For resizing the SGC map.

    Raises:
        ValueError: If an argument is outside its range.
    """

    def __init__(self,
                 gamma: float = 0.5,
                 temperature: float = 0.5,
                 norm: Optional[str] = 'rms',
                 source: str = 'fused',
                 hard: bool = False,
                 threshold: Optional[float] = None,
                 align_corners: bool = False) -> None:
        super().__init__()
        if not 0 <= gamma <= 1:
            raise ValueError(
                f'pseudo_label.gamma must be in [0, 1], not {gamma}')
        if temperature <= 0:
            raise ValueError(
                f'pseudo_label.temperature must be > 0, not {temperature}')
        if norm not in NORMS:
            raise ValueError(
                f'pseudo_label.norm must be one of {NORMS}, not {norm!r}')
        if source not in SOURCES:
            raise ValueError(
                f'pseudo_label.source must be one of {SOURCES}, not {source!r}'
            )
        self.gamma = gamma
        self.temperature = temperature
        self.norm = norm
        self.source = source
        self.hard = hard
        self.threshold = threshold
        self.align_corners = align_corners

    @torch.no_grad()
    def forward(self, decoder_logits: Tensor,
                sgc_logits: Tensor) -> Tuple[Tensor, Tensor]:
        """Make the pseudo label of a batch.

        Args:
            decoder_logits (Tensor): Before the softmax, (N, C, H, W).
            sgc_logits (Tensor): Before the softmax, (N, C, h, w).

        Returns:
            tuple[Tensor, Tensor]: Label (N, C, H, W), which sums to 1 over
            the classes, and weight (N, 1, H, W) of 0 or 1; float32 (float64
            for float64 input) and without gradient.
        """
        # Autocast would run the powers and sums below in half precision.
        with torch.autocast(decoder_logits.device.type, enabled=False):
            prob = self._fuse(*(
                x if x.dtype == torch.float64 else x.float()
                for x in (decoder_logits, sgc_logits)))
            label = sharpen(prob, self.temperature)
            confidence = (prob if self.hard else label).amax(1, keepdim=True)
            if self.hard:
                label = torch.zeros_like(prob).scatter_(
                    1, prob.argmax(1, keepdim=True), 1.)
            weight = torch.ones_like(confidence) if self.threshold is None \
                else (confidence >= self.threshold).to(confidence)
        return label, weight

    def _fuse(self, decoder: Tensor, sgc: Tensor) -> Tensor:
        """Probabilities (N, C, H, W) before sharpening."""
        if self.source == 'decoder':
            return over_classes(torch.softmax, decoder)
        sgc = resize(
            sgc,
            decoder.shape[2:],
            mode='bilinear',
            align_corners=self.align_corners)
        if self.source == 'sgc':
            return over_classes(torch.softmax, sgc)
        if self.norm is not None:
            scale = joint_scale(decoder, sgc, self.norm)
            decoder, sgc = decoder / scale, sgc / scale
        return torch.lerp(over_classes(torch.softmax, sgc),
                          over_classes(torch.softmax, decoder), self.gamma)
