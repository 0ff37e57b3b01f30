"""L_s of stock decode heads without the map of full size.

A stock head resizes its logits to the size of the masks, and then cross
entropy, its gradient and the accuracy each pass over N x C x H x W numbers.
The sweep over bands that L_sa takes gives the same values (figures:
docs/performance.md).
"""

from types import MethodType
from typing import Dict, List

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import CrossEntropyLoss
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..losses import resized_cross_entropy_sums
from ..utils.without_waiting import percentage


def losses_of(head: BaseDecodeHead) -> List[nn.Module]:
    """The head's ``loss_decode`` as a list."""
    found = head.loss_decode
    return list(found) if isinstance(found, nn.ModuleList) else [found]


def covered(head: BaseDecodeHead) -> bool:
    """Whether bands give what the head's own losses would.

    They do for cross entropy over the classes without weights of classes or
    of pixels (a sampler), averaged.
    """
    return head.sampler is None and all(
        type(loss) is CrossEntropyLoss and loss.reduction == 'mean'
        and loss.class_weight is None
        and not (loss.use_sigmoid or loss.use_mask)
        for loss in losses_of(head))


def loss_by_feat(self: BaseDecodeHead, seg_logits: Tensor,
                 batch_data_samples: List[SegDataSample]
                 ) -> Dict[str, Tensor]:
    """Stock losses and accuracy; a head that is not covered computes them.

    Args:
        self (BaseDecodeHead): The head.
        seg_logits (Tensor): (N, C, h, w).
        batch_data_samples (list[SegDataSample]): With masks.

    Returns:
        dict[str, Tensor]: Each loss by its name, and ``acc_seg`` in [0, 100],
        for which a tie for the largest logit is a hit.
    """
    if not covered(self):
        return type(self).loss_by_feat(self, seg_logits, batch_data_samples)
    masks = self._stack_batch_gt(batch_data_samples).squeeze(1)
    sums = resized_cross_entropy_sums(
        seg_logits, masks, self.align_corners, self.ignore_index)
    found: Dict[str, Tensor] = {}
    for loss in losses_of(self):
        pixels = sums.pixels.clamp(min=1) if loss.avg_non_ignore \
            else masks.numel()
        name = str(loss.loss_name)
        found[name] = found.get(name, 0) + loss.loss_weight * (
            sums.loss / pixels)
    found['acc_seg'] = percentage(sums.hits, sums.pixels)
    return found


def use_bands(model: nn.Module) -> None:
    """Let all stock decode heads below ``model`` compute their loss in bands.

    Heads with a ``loss_by_feat`` of their own (``PointHead``, ``EncHead``)
    keep it.

    Args:
        model (nn.Module): A segmentor.
    """
    for head in model.modules():
        if isinstance(head, BaseDecodeHead) and \
                type(head).loss_by_feat is BaseDecodeHead.loss_by_feat:
            head.loss_by_feat = MethodType(loss_by_feat, head)
