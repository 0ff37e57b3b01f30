"""Figures about the pseudo labels, in the log beside the losses."""

import math
from typing import Dict, List, Sequence, Set

import numpy as np
import torch
from mmengine.dist import all_reduce
from mmengine.runner import Runner
from mmseg.evaluation import IoUMetric
from mmseg.models.utils import resize
from mmseg.registry import HOOKS
from torch import Tensor

from ...models.segmentors import PseudoLabelStep
from .hidden_masks import IGNORE
from .pseudo_label_hook import PseudoLabelHook

SHARE, ENTROPY = 0.99, 0.99
COUNTED = 0.1  # share of pixels with a weight from which a class can take over
IDLE, READINGS = 1e-3, 4  # share below which L_u is idle; readings in a row
START = 'let the labelled images train longer before (model.unsup_start)'
ADVICE = dict(
    share='nearly every pseudo-labelled pixel is "{}", so L_u teaches this '
    f'class alone: {START}, lower model.unsup_loss.loss_weight, keep sure '
    'pixels only (model.pseudo_label.threshold), or give image-level labels',
    positives='the classifier calls no class present in any image. Without '
    'image-level labels Grad-CAM is empty then, and the SGC map says '
    f'background: {START}, lower model.sgc_head.threshold, or give image-level'
    ' labels',
    idle=f'L_u has been idle for {READINGS} readings: the pseudo label is '
    'nowhere as sure as model.pseudo_label.threshold={1}, so the unlabelled '
    'images teach nothing. Lower the threshold (the more classes, the lower a '
    'label\'s confidence), lower model.pseudo_label.temperature, or give '
    'image-level labels',
    entropy='the pseudo label is nearly uniform, so L_u teaches the network '
    'to be unsure: lower model.pseudo_label.temperature, set model.'
    "pseudo_label.norm to 'rms' or None if it is 'l2', or "
    f'{START}')


@HOOKS.register_module()
class PseudoLabelMonitorHook(PseudoLabelHook):
    """Log what pseudo labels look like, and warn when they collapse.

    Beside ``pseudo.confidence`` and ``pseudo.weight``, which the network logs
    in every iteration. Like those, of the pixels that are neither padding nor
    erased in the strong view:

    - ``pseudo.entropy``: mean entropy of the label over log C, in [0, 1];
    - ``pseudo.share.<class>``: share of the label's largest class among the
      pixels with a weight, that is among those that L_u counts;
    - ``pseudo.agreement``: share of the pixels where decoder and SGC map have
      the same largest class;
    - ``pseudo.positives``: classes an image that the classifier calls present
      (``sgc_head.threshold`` or more);
    - with ``hidden_masks``, ``pseudo.<source>.aAcc`` and ``.mIoU`` of decoder,
      SGC map and fused label, in per cent, over the batch of the step.

    Sums are added up over all processes once. Each kind of collapse is warned
    of once: a class with more than 99 % of the pixels that L_u counts, if
    these are a tenth of all or more; no more than a thousandth that counts, in
    four readings in a row; a classifier without positives (unless image-level
    labels are given); an entropy of 0.99 or more.

    Args:
        interval (int): Iterations between two readings. Take that of
            ``LoggerHook``, whose lines repeat the last reading in between.
        hidden_masks (bool): Whether to open the masks of the unlabelled
            images, for studies on data that has them; training never does.
    """

    def __init__(self, interval: int = 50, hidden_masks: bool = False) -> None:
        super().__init__(interval, hidden_masks)
        self.warned: Set[str] = set()
        self.idle = 0  # readings in a row

    def before_train(self, runner: Runner) -> None:
        """Find the network and the names of its classes.

        Raises:
            ValueError: If the data set names other classes.
        """
        super().before_train(runner)
        names = runner.train_dataloader.dataset.metainfo.get('classes') or ()
        if len(names) != self.model.num_classes:
            raise ValueError(
                'PseudoLabelMonitorHook: model.decode_head.num_classes is '
                f'{self.model.num_classes}, but train_dataloader.dataset '
                f'names {len(names)} classes: set num_classes of the heads, '
                'or metainfo.classes of both parts')
        self.names: Sequence[str] = names

    def report(self, runner: Runner, step: PseudoLabelStep,
               data_batch: dict) -> None:
        """Log the figures and look for a collapse."""
        sums, areas = self._sums(step), torch.zeros(0)
        if self.hidden_masks:
            masks = self.masks.read(runner.iter, data_batch,
                                    step.valid.shape[2:])
            areas = self._areas(step, masks)
        total = torch.cat([sums, areas.to(sums)])
        all_reduce(total)
        values = total.tolist()
        if values[0] == 0:  # nothing but padding
            return
        figures = self._figures(values[:len(sums)])
        if self.hidden_masks:
            figures.update(self._quality(values[len(sums):]))
        runner.message_hub.update_scalars(
            {f'train/pseudo.{name}': value for name, value in figures.items()})
        pixels, _, kept = values[:3]
        self._warn(runner, figures, kept / pixels)

    def _sums(self, step: PseudoLabelStep) -> Tensor:
        """Counts and what is summed over pixels, float32, (6 + C,)."""
        label, scores = step.label.float(), self.scores(step)
        counted = step.inside[:, 0]
        entropy = torch.special.entr(label).sum(dim=1) / math.log(
            label.shape[1])
        agree = scores['decoder'].argmax(1) == scores['sgc'].argmax(1)
        positives = (step.sgc.cls_logits.float().sigmoid()
                     >= self.model.sgc_head.threshold)
        kept = counted * step.weight[:, 0]
        shares = label.new_zeros(label.shape[1]).scatter_add_(
            0, label.argmax(1).flatten(), kept.flatten())
        totals = (counted.sum(), counted.new_tensor(len(label)), kept.sum(),
                  (entropy * counted).sum(), (agree * counted).sum(),
                  positives.sum().to(label))
        return torch.cat([torch.stack(totals), shares])

    def _areas(self, step: PseudoLabelStep, masks: Tensor) -> Tensor:
        """``IoUMetric``'s four areas of each class, of the three sources."""
        masks = masks.to(step.label.device).masked_fill(
            ~step.valid[:, 0], IGNORE)
        areas: List[Tensor] = []
        for scores in self.scores(step).values():
            labels = resize(
                scores.float(),
                masks.shape[1:],
                mode='bilinear',
                align_corners=self.model.align_corners).argmax(dim=1)
            areas.extend(
                IoUMetric.intersect_and_union(labels, masks, len(self.names),
                                              IGNORE))
        return torch.cat(areas)

    def _figures(self, sums: List[float]) -> Dict[str, float]:
        """The means of :meth:`_sums`, by name."""
        pixels, images, kept, entropy, agreement, positives, *counts = sums
        shares = {
            f'share.{name}': count / (kept or 1)
            for name, count in zip(self.names, counts, strict=True)
        }
        return dict(
            entropy=entropy / pixels,
            agreement=agreement / pixels,
            positives=positives / images,
            **shares)

    def _quality(self, areas: List[float]) -> Dict[str, float]:
        """Pixel accuracy and mIoU of :meth:`_areas`, by source."""
        figures = {}
        parts = torch.tensor(areas).reshape(3, 4, -1)
        for source, four in zip(('decoder', 'sgc', 'fused'), parts):
            metrics = IoUMetric.total_area_to_metrics(*four)
            figures[f'{source}.aAcc'] = 100 * float(metrics['aAcc'])
            figures[f'{source}.mIoU'] = 100 * float(np.nanmean(metrics['IoU']))
        return figures

    def _warn(self, runner: Runner, figures: Dict[str, float],
              counted: float) -> None:
        """Warn of each kind of collapse, once.

        Args:
            runner (Runner): Of the training.
            figures (dict[str, float]): Of :meth:`_figures`.
            counted (float): Share of the pixels that have a weight.
        """
        largest = max(self.names, key=lambda name: figures[f'share.{name}'])
        self.idle = self.idle + 1 if counted < IDLE else 0
        found = dict(
            share=figures[f'share.{largest}'] > SHARE and counted >= COUNTED,
            idle=self.idle >= READINGS,
            positives=(figures['positives'] == 0
                       and not self.model.use_image_labels),
            entropy=figures['entropy'] >= ENTROPY)
        threshold = self.model.pseudo_label.threshold
        for kind, collapsed in found.items():
            if collapsed and kind not in self.warned:
                self.warned.add(kind)
                runner.logger.warning(
                    f'Iteration {runner.iter + 1}: '
                    f'{ADVICE[kind].format(largest, threshold)} '
                    '(docs/monitoring.md)')
