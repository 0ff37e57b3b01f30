"""What hooks that look at pseudo labels share."""

from typing import Dict, Optional

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.models.utils import resize
from torch import Tensor

from ...models import SemiSegmentor
from ...models.segmentors import PseudoLabelStep
from .hidden_masks import HiddenMasks


class PseudoLabelHook(Hook):
    """Hands the weak pass of every ``interval``-th iteration to ``report``.

    MMEngine's hooks see the losses alone. This one listens to
    :attr:`SemiSegmentor.observers`, in the iterations that are due and in no
    other, so that nothing is computed twice or in between.

    Args:
        interval (int): Iterations between two reports.
        hidden_masks (bool): Whether the masks of the unlabelled images may be
            opened, see :class:`HiddenMasks`.

    Raises:
        ValueError: If the interval is not positive.
    """

    def __init__(self, interval: int, hidden_masks: bool = False) -> None:
        if interval < 1:
            raise ValueError(f'{type(self).__name__}.interval must be '
                             f'positive, not {interval}')
        self.interval = interval
        self.hidden_masks = hidden_masks
        self.step: Optional[PseudoLabelStep] = None

    def before_train(self, runner: Runner) -> None:
        """Find the network that makes pseudo labels.

        Raises:
            TypeError: If there is none.
        """
        name, model = type(self).__name__, runner.model
        if is_model_wrapper(model):
            model = model.module
        if not isinstance(model, SemiSegmentor):
            raise TypeError(
                f'{name} looks at pseudo labels and model.type='
                f'{type(model).__name__} makes none: take {name} out of '
                'custom_hooks, or set model.type to SemiSegmentor or '
                'CascadeSemiSegmentor')
        self.model = model
        if self.hidden_masks:
            self.masks = HiddenMasks(runner.train_dataloader, name)

    def due(self, runner: Runner) -> bool:
        """Whether this iteration is reported."""
        return self.every_n_train_iters(runner, self.interval)

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: Optional[dict] = None) -> None:
        """Listen, if the iteration is due."""
        if self.due(runner):
            self.model.observers.append(self._observe)

    def _observe(self, step: PseudoLabelStep) -> None:
        """Keep the weak pass until the iteration ends."""
        self.step = step

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        """Report what was heard: nothing before ``model.unsup_start``."""
        if self._observe in self.model.observers:
            self.model.observers.remove(self._observe)
        step, self.step = self.step, None
        if step is not None and data_batch is not None:
            with torch.no_grad():
                self.report(runner, step, data_batch)

    def report(self, runner: Runner, step: PseudoLabelStep,
               data_batch: dict) -> None:
        """Show the step.

        Args:
            runner (Runner): Of the training.
            step (PseudoLabelStep): What the weak pass made.
            data_batch (dict): Of ``multi_branch_collate``.
        """
        raise NotImplementedError

    def scores(self, step: PseudoLabelStep) -> Dict[str, Tensor]:
        """Both sources and the label at the label's size, (N, C, H', W')."""
        sgc = resize(
            step.sgc.logits,
            step.label.shape[2:],
            mode='bilinear',
            align_corners=self.model.align_corners)
        return dict(decoder=step.logits, sgc=sgc, fused=step.label)
