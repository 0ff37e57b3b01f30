"""One network, trained on labelled images and on its own pseudo labels.

Shape legend:
    N: images of a view, C: classes with background, H, W: crop size,
    H', W': size of the decoder's logits, h, w: size of the SGC map.
"""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import torch
from mmengine.logging import MessageHub
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import add_prefix
from torch import Tensor

from ..decode_heads import use_bands
from ..utils import BN_MODES, bn_mode, split_feats
from .checks import (
    IGNORE,
    check_joint_pass,
    check_one_size,
    check_parts,
    check_views,
)
from .pseudo_label_step import PseudoLabelStep

Views = Dict[str, Tensor]
Samples = List[SegDataSample]
Feats = Sequence[Any]  # a map, or a pair (map, class token), for each output


def stack_masks(samples: Samples) -> Tensor:
    """The samples' segmentation maps as one tensor, int64, (N, H, W)."""
    return torch.stack([s.gt_sem_seg.data for s in samples]).squeeze(1).long()


@MODELS.register_module()
class SemiSegmentor(EncoderDecoder):
    """PseudoSeg around any stock encoder and decoder.

    ``EncoderDecoder`` trains on labelled images alone. This one adds the SGC
    head and overrides :meth:`loss`; prediction is the stock decoder's, and
    the stock parts keep their names in the state dict.

    Args:
        sgc_head (dict): Config of :class:`SGCHead`, by default with the
            decode head's ``num_classes``.
        pseudo_label (dict): Config of :class:`CalibratedFusion`.
        unsup_loss (dict): Config of the loss L_u on the strong view.
        image_labels (bool): Whether the unlabelled images come with
            image-level labels. They replace the classifier's decision in
            Grad-CAM and supervise the classifier on the weak view.
        weak_bn (str): Batch norm of the weak pass. ``'train'`` normalises
            with the batch and updates the running statistics (the authors'
            code), ``'batch'`` does not update them, ``'eval'`` normalises with
            the running statistics and turns dropout off.
        unsup_start (int): Iteration at which L_u sets in. Before it, no
            unlabelled view is computed.
        joint_pass (bool): Whether strong view and labelled images go through
            backbone and neck as one batch: the same features, sooner where
            maps are small. Not where batch norm would mix the two
            (:func:`check_joint_pass`).
        **kwargs: Of the stock segmentor.

    Raises:
        ValueError: If ``weak_bn`` is none of the modes, or the parts do not
            fit each other (:func:`check_parts`).

    Attributes:
        observers (list[callable]): Called with the :class:`PseudoLabelStep`
            of every weak pass, without gradient; empty unless a hook looks.
    """

    def __init__(self,
                 sgc_head: dict,
                 pseudo_label: dict,
                 unsup_loss: dict,
                 image_labels: bool = False,
                 weak_bn: str = 'train',
                 unsup_start: int = 0,
                 joint_pass: bool = False,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if weak_bn not in BN_MODES:
            raise ValueError(
                f'model.weak_bn must be one of {BN_MODES}, not {weak_bn!r}')
        self.sgc_head = MODELS.build(
            sgc_head, default_args=dict(num_classes=self.num_classes))
        check_parts(self)
        use_bands(self)
        self.pseudo_label = MODELS.build(pseudo_label)
        self.unsup_loss = MODELS.build(unsup_loss)
        self.use_image_labels = image_labels
        self.weak_bn = weak_bn
        self.unsup_start = unsup_start
        self.joint_pass = joint_pass
        self.observers: List[Callable[[PseudoLabelStep], None]] = []

    def loss(self, inputs: Views, data_samples: Dict[str, Samples]) -> dict:
        """L_s + L_sa + L_x + L_u of one batch (figure 1 and figure 7).

        Args:
            inputs (dict[str, Tensor]): Views ``labeled``, ``weak`` and
                ``strong``, each (N, 3, H, W), normalised.
            data_samples (dict[str, list[SegDataSample]]): Of the same views.
                The map of ``strong`` says which pixels are real (not 255).

        Returns:
            dict[str, Tensor]: Scalars. Keys that contain ``loss`` are summed.

        Raises:
            KeyError: If the batch lacks a view.
        """
        check_views(inputs)
        losses = {}
        labeled = strong = None
        if self._iteration() >= self.unsup_start:
            valid = stack_masks(data_samples['strong'])[:, None] != IGNORE
            target, weight, inside, losses_weak = self.make_pseudo_labels(
                inputs['weak'], data_samples['weak'], valid)
            losses.update(losses_weak)
            if self.joint_pass:
                strong, labeled = self.extract_jointly(
                    inputs['strong'], inputs['labeled'])
            losses.update(self.loss_strong(
                inputs['strong'], target, weight, inside, strong))
        # Last, so that labelled images weigh most in the running statistics.
        losses.update(self.loss_labeled(
            inputs['labeled'], data_samples['labeled'], labeled))
        return losses

    def extract_jointly(self, *inputs: Tensor) -> Sequence[Feats]:
        """Features of several views that pass backbone and neck as one batch.

        Args:
            *inputs (Tensor): Each (N, 3, H, W).

        Returns:
            list: Of each view, as ``extract_feat`` has them.

        Raises:
            ValueError: If images of different views differ in size.
        """
        check_one_size(inputs)
        return split_feats(self.extract_feat(torch.cat(inputs)),
                           [len(view) for view in inputs])

    def loss_labeled(self, inputs: Tensor, samples: Samples,
                     feats: Optional[Feats] = None) -> dict:
        """L_s of the decoder, L_sa and L_x of the SGC head.

        Args:
            inputs (Tensor): (N, 3, H, W).
            samples (list[SegDataSample]): With masks.
            feats (Sequence[Tensor], optional): Of ``inputs``, if a joint pass
                has made them.

        Returns:
            dict[str, Tensor]: ``labeled.decode.*``, ``labeled.sgc.*``.
        """
        feats = feats or self.extract_feat(inputs)
        losses = self._decode_head_forward_train(feats, samples)
        if self.with_auxiliary_head:
            losses.update(self._auxiliary_head_forward_train(feats, samples))
        masks = stack_masks(samples)
        image_labels = self.sgc_head.image_labels(masks)
        sgc = self.sgc_head(feats, image_labels, (masks != IGNORE)[:, None],
                            dropout=True)
        losses.update(
            add_prefix(
                self.sgc_head.loss_by_feat(sgc, masks, image_labels), 'sgc'))
        return add_prefix(losses, 'labeled')

    def make_pseudo_labels(self, inputs: Tensor, samples: Samples,
                           valid: Tensor
                           ) -> Tuple[Tensor, Tensor, Tensor, dict]:
        """Decoder and SGC map of the weak view, fused (equation 4).

        Args:
            inputs (Tensor): (N, 3, H, W).
            samples (list[SegDataSample]): With ``image_labels``, if used.
            valid (Tensor): True where the strong view's pixels are real,
                (N, 1, H, W).

        Returns:
            tuple: Label (N, C, H', W') and weight (N, 1, H', W') without
            gradient, ``valid`` at their size as numbers, and a dict with L_x
            of the weak view, where image-level labels are used, and monitors:
            means over the valid pixels.
        """
        image_labels = None
        losses = {}
        with bn_mode(self, self.weak_bn):
            with torch.set_grad_enabled(self.use_image_labels):
                feats = self.extract_feat(inputs)
            if self.use_image_labels:
                image_labels = self._image_labels(samples, inputs.device)
                losses = add_prefix(
                    self.sgc_head.loss_image_labels(
                        self.sgc_head.classify(feats, dropout=True),
                        image_labels),
                    'weak.sgc')
            with torch.no_grad():
                sgc = self.sgc_head(feats, image_labels, valid)
                logits = self.decode(feats)
        label, weight = self.pseudo_label(logits, sgc.logits)
        inside = resize(valid.to(weight), weight.shape[2:], mode='nearest')
        pixels = inside.sum().clamp(min=1)
        for name, value in (('confidence', label.amax(1, keepdim=True)),
                            ('weight', weight)):
            losses[f'pseudo.{name}'] = (value * inside).sum() / pixels
        for observe in self.observers:
            observe(PseudoLabelStep(
                logits, sgc, label, weight, inside, valid, image_labels))
        # Under autocast, older torch keeps the weights that a no-grad pass
        # has cast, and the next pass would lose their gradients.
        torch.clear_autocast_cache()
        return label, weight, inside, losses

    def loss_strong(self, inputs: Tensor, target: Tensor, weight: Tensor,
                    inside: Tensor, feats: Optional[Feats] = None) -> dict:
        """L_u: the strong view against the pseudo label (equation 2).

        Args:
            inputs (Tensor): (N, 3, H, W).
            target (Tensor): (N, C, H', W').
            weight (Tensor): (N, 1, H', W').
            inside (Tensor): 1 where a pixel is real, else 0,
                (N, 1, H', W').
            feats (Sequence[Tensor], optional): Of ``inputs``, if a joint pass
                has made them.

        Returns:
            dict[str, Tensor]: ``strong.<name of the loss>``.
        """
        logits = self.decode(feats or self.extract_feat(inputs))
        loss = self.unsup_loss(logits, target, inside, weight)
        return {f'strong.{self.unsup_loss.loss_name}': loss}

    def train(self, mode: bool = True) -> 'SemiSegmentor':
        """Switch to training; here batch norm has its mode for the first time.

        Raises:
            ValueError: See :func:`check_joint_pass`.
        """
        super().train(mode)
        if mode and self.joint_pass:
            check_joint_pass(self)
        return self

    def decode(self, feats: Feats) -> Tensor:
        """Run the decode head.

        Args:
            feats (Sequence[Tensor]): The backbone's (or neck's) outputs.

        Returns:
            Tensor: Logits, (N, C, H', W'), not resized.
        """
        logits = self.decode_head(feats)
        return logits[0] if isinstance(logits, (tuple, list)) else logits

    def _iteration(self) -> int:
        """Iterations done before this one, in the Runner built last."""
        return MessageHub.get_current_instance().get_info('iter', 0) or 0

    def _image_labels(self, samples: Samples, device: torch.device) -> Tensor:
        """The samples' image-level labels, float32, (N, C-1)."""
        if any('image_labels' not in sample for sample in samples):
            raise KeyError(
                'model.image_labels=True, but the weak view has none: set '
                'train_dataloader.dataset.tag_file, or put '
                "dict(type='ImageLabelsFromMask') into the unlabelled pipeline"
            )
        labels = [sample.image_labels.float() for sample in samples]
        return torch.stack(labels).to(device)
