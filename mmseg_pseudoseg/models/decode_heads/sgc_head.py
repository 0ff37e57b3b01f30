"""Self-attention Grad-CAM: image-level evidence refined to a score map.

Shape legend:
    N: images, C: classes with background, D: channels of all input stages,
    D_cls: channels of the last one, E: embedding channels, h, w: size of the
    last stage, H, W: size of the masks.
"""

from typing import Dict, List, NamedTuple, Optional, Sequence

import torch
from mmengine.model import BaseModule
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from ..losses import resized_cross_entropy
from ..utils import (
    add_background,
    class_activation_maps,
    image_labels_from_masks,
    kernel_matrix,
    propagate,
    stage_map,
)


class SGCOutput(NamedTuple):
    """What :class:`SGCHead` makes of one batch of images.

    Attributes:
        cls_logits (Tensor): Multi-label classifier, before the sigmoid,
            (N, C-1).
        cam (Tensor): Grad-CAM of the foreground classes, (N, C-1, h, w) in
            [0, 1], without gradient.
        logits (Tensor): SGC map, before the softmax, (N, C, h, w).
    """

    cls_logits: Tensor
    cam: Tensor
    logits: Tensor


@MODELS.register_module()
class SGCHead(BaseModule):
    """Classifier, Grad-CAM, attention and projection of section 3.1.

    A stock ``BaseDecodeHead`` maps features to one logit map and trains the
    backbone through it. This head has an image-level branch, and its score
    map must train nothing but its own attention and projection: features and
    Grad-CAM enter it without gradient (appendix A, figure 7).

    Args:
        in_channels (Sequence[int]): Channels of the stages that form the
            hypercolumn. The last one feeds the classifier and Grad-CAM.
        in_index (Sequence[int]): Their positions in the backbone's output.
        num_classes (int): C, background (class 0) included.
        channels (int): E, channels of key and query.
        background (str): ``'after'`` puts the plane ``2 - max`` beside the
            propagated scores (authors' code), ``'before'`` puts ``1 - max``
            beside Grad-CAM and propagates it too (the paper).
        threshold (float): Probability from which the classifier calls a class
            present, used where no image-level labels are given.
        align_corners (bool): For every resize.
        dropout_ratio (float): Share of the pooled features that L_x drops in
            training. Decisions and Grad-CAM take all of them.
        loss_ce_weight (float): Weight of L_sa, the cross entropy of the score
            map against masks.
        loss_cls_weight (float): Weight of L_x, the classifier's loss.
        init_cfg (dict | list, optional): Initialization config. By default
            Xavier normal for all of it; the authors have Xavier uniform, and
            another one for the classifier.

    Raises:
        ValueError: If the arguments contradict each other.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 in_index: Sequence[int],
                 num_classes: int,
                 channels: int = 128,
                 background: str = 'after',
                 threshold: float = 0.5,
                 align_corners: bool = False,
                 dropout_ratio: float = 0.,
                 loss_ce_weight: float = 1.0,
                 loss_cls_weight: float = 1.0,
                 init_cfg: Optional[dict] = None) -> None:
        if init_cfg is None:
            init_cfg = dict(type='Xavier', layer='Conv2d')
        super().__init__(init_cfg)
        if len(in_channels) != len(in_index):
            raise ValueError(
                f'sgc_head.in_channels {tuple(in_channels)} and '
                f'sgc_head.in_index {tuple(in_index)} must have one entry for '
                'each stage of the hypercolumn')
        if not 0 <= dropout_ratio < 1:
            raise ValueError('sgc_head.dropout_ratio must be in [0, 1), not '
                             f'{dropout_ratio}')
        if background not in ('after', 'before'):
            raise ValueError("sgc_head.background must be 'after' or 'before',"
                             f' not {background!r}')
        self.in_channels = tuple(in_channels)
        self.in_index = tuple(in_index)
        self.num_classes = num_classes
        self.background = background
        self.threshold = threshold
        self.align_corners = align_corners
        self.dropout_ratio = dropout_ratio
        self.loss_ce_weight = loss_ce_weight
        self.loss_cls_weight = loss_cls_weight

        self.conv_cls = nn.Conv2d(self.in_channels[-1], num_classes - 1, 1)
        hypercolumn = sum(self.in_channels)
        self.query = nn.Conv2d(hypercolumn, channels, 1, bias=False)
        self.key = nn.Conv2d(hypercolumn, channels, 1, bias=False)
        self.project = nn.Conv2d(num_classes, num_classes, 1, bias=False)
        # The authors' batch norm has no scale and always uses the statistics
        # of its own batch, for pseudo labels too.
        self.norm = nn.BatchNorm2d(
            num_classes, eps=1e-3, track_running_stats=False)
        self.norm.weight.requires_grad_(False)

    def classify(self, feats: Sequence[Tensor],
                 dropout: bool = False) -> Tensor:
        """Score the foreground classes of each image.

        Args:
            feats (Sequence[Tensor]): The backbone's (or neck's) outputs.
            dropout (bool): Whether the logits are for L_x, which drops pooled
                features in training.

        Returns:
            Tensor: Logits, (N, C-1), with gradient to ``feats``.
        """
        pooled = self._stages(feats)[-1].mean(dim=(2, 3))
        if dropout:
            pooled = F.dropout(pooled, self.dropout_ratio, self.training)
        return F.linear(
            pooled, kernel_matrix(self.conv_cls.weight), self.conv_cls.bias)

    def forward(self,
                feats: Sequence[Tensor],
                image_labels: Optional[Tensor] = None,
                valid: Optional[Tensor] = None,
                dropout: bool = False) -> SGCOutput:
        """Score every position of the last stage.

        Args:
            feats (Sequence[Tensor]): The backbone's (or neck's) outputs; a
                pair (map, class token) counts as its map.
            image_labels (Tensor, optional): 0 or 1, (N, C-1). They replace the
                classifier's own decision about which classes are present.
            valid (Tensor, optional): True inside the image, (N, 1, H, W) of
                any size. What it masks: :func:`propagate`.
            dropout (bool): Of :meth:`classify`.

        Returns:
            SGCOutput: Class logits, Grad-CAM and score map. The score map's
            gradient reaches this head's attention and projection alone.

        Raises:
            ValueError: If ``in_index`` or ``in_channels`` do not fit.
        """
        cls_logits = self.classify(feats, dropout)
        if image_labels is None:
            decides = self.classify(feats) if dropout else cls_logits
            image_labels = decides.detach().sigmoid() >= self.threshold
        stages = [stage.detach() for stage in self._stages(feats)]
        cam = class_activation_maps(
            stages[-1], kernel_matrix(self.conv_cls.weight), image_labels)
        return SGCOutput(cls_logits, cam, self._refine(cam, stages, valid))

    def _refine(self, cam: Tensor, stages: List[Tensor],
                valid: Optional[Tensor]) -> Tensor:
        """Propagate, skip, background, projection (equation 3)."""
        size = cam.shape[2:]
        hypercolumn = torch.cat([
            stage if stage.shape[2:] == size else resize(
                stage, size, mode='bilinear', align_corners=self.align_corners)
            for stage in stages
        ], dim=1)
        if valid is not None:
            valid = resize(valid.byte(), size, mode='nearest').bool()
        value = cam if self.background == 'after' else add_background(cam, 1.)
        # One product: the hypercolumn is read, and laid out by torch, once.
        query, key = F.conv2d(hypercolumn, torch.cat(
            [self.query.weight, self.key.weight])).chunk(2, dim=1)
        scores = value + propagate(value, query, key, valid)
        if self.background == 'after':
            scores = add_background(scores, 2.)
        # As a product: a convolution lays out these small maps anew.
        projected = torch.matmul(
            kernel_matrix(self.project.weight), scores.flatten(2))
        return self.norm(projected.unflatten(2, size))

    def loss_by_feat(self, output: SGCOutput, masks: Tensor,
                     image_labels: Tensor) -> Dict[str, Tensor]:
        """L_sa and L_x of labelled images.

        Args:
            output (SGCOutput): Of :meth:`forward`.
            masks (Tensor): Class ids, int64, (N, H, W), 255 = ignore.
            image_labels (Tensor): 0 or 1, (N, C-1).

        Returns:
            dict[str, Tensor]: L_sa, ``loss_ce``, and L_x, ``loss_cls``;
            scalars.
        """
        loss = resized_cross_entropy(
            output.logits, masks, self.align_corners)
        return dict(
            loss_ce=self.loss_ce_weight * loss,
            **self.loss_image_labels(output.cls_logits, image_labels))

    def loss_image_labels(self, cls_logits: Tensor,
                          image_labels: Tensor) -> Dict[str, Tensor]:
        """L_x: binary cross entropy, averaged over images and classes.

        Not mmseg's ``CrossEntropyLoss(use_sigmoid=True)``, which fails where
        there is one foreground class.

        Args:
            cls_logits (Tensor): (N, C-1).
            image_labels (Tensor): 0 or 1, (N, C-1).

        Returns:
            dict[str, Tensor]: One scalar, ``loss_cls``.
        """
        loss = F.binary_cross_entropy_with_logits(
            cls_logits.float(), image_labels.to(cls_logits.device).float())
        return {'loss_cls': self.loss_cls_weight * loss}

    def image_labels(self, masks: Tensor) -> Tensor:
        """Which foreground classes occur in each mask.

        Args:
            masks (Tensor): Class ids, int64, (N, H, W).

        Returns:
            Tensor: 0 or 1, float32, (N, C-1).
        """
        return image_labels_from_masks(masks, self.num_classes)

    def _stages(self, feats: Sequence[Tensor]) -> List[Tensor]:
        """The stages of ``in_index``, checked against ``in_channels``."""
        if max(self.in_index) >= len(feats):
            raise ValueError(
                f'sgc_head.in_index {self.in_index} points beyond the '
                f"backbone's {len(feats)} outputs")
        stages = [stage_map(feats[i]) for i in self.in_index]
        found = tuple(stage.shape[1] for stage in stages)
        if found != self.in_channels:
            raise ValueError(
                f'sgc_head.in_channels is {self.in_channels}, but the backbone'
                f' gives {found} at sgc_head.in_index {self.in_index}: set '
                f'sgc_head.in_channels={found}')
        return stages
