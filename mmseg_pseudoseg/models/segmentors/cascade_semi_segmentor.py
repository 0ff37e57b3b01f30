"""PseudoSeg around a stock cascade of decode heads."""

from typing import Sequence

from mmseg.models.segmentors import CascadeEncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor, nn

from .semi_segmentor import SemiSegmentor


@MODELS.register_module()
class CascadeSemiSegmentor(SemiSegmentor, CascadeEncoderDecoder):
    """PseudoSeg around a stock ``CascadeEncoderDecoder`` (OCR, for one).

    Stock cascades have a list of decode heads, each fed with the one before;
    the last one makes the pseudo label. Arguments: those of
    :class:`SemiSegmentor` and of the stock cascade.
    """

    def decode(self, feats: Sequence[Tensor]) -> Tensor:
        """The last decode head's logits, (N, C, H', W')."""
        heads: nn.ModuleList = self.decode_head
        logits = heads[0](feats)
        for head in heads[1:]:
            logits = head(feats, logits)
        return logits
