"""Running statistics of batch norm without their initial values."""

import math
from typing import Any, List

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm


@HOOKS.register_module()
class BatchNormBiasCorrectionHook(Hook):
    """Keep batch norm's running statistics free of their initial values.

    torch starts from mean 0 and variance 1, of which ``(1 - momentum)^n`` is
    left after n batches: with the authors' 3e-4, 41 % after 3,000. Here, as
    with Adam's moments, the statistics are at any time the momentum's average
    of the batches alone, so a short run or an early validation measures the
    network. In the long run both are the same. ``backbone`` is left to torch:
    its statistics come with its weights.

    Not a layer of its own, so that networks stay stock ones; nor a momentum
    that changes with the iteration: ``torch.compile`` takes it for a constant
    and would compile each iteration anew. Nothing is stored and no device is
    waited for: after an iteration, what it added to a layer's statistics is
    divided by the share ``1 - (1 - momentum)^n`` that batches have in torch's.
    n is the layer's own counter: it counts every pass that updates the layer,
    and a checkpoint has it, so that loaded statistics keep their weight.
    """

    # Before whatever saves or copies the network after an iteration.
    priority = 'ABOVE_NORMAL'

    def before_train(self, runner: Runner) -> None:
        """Find the layers that average with a momentum."""
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        self.norms: List[Any] = [
            module for name, module in model.named_modules()
            if isinstance(module, _BatchNorm) and module.momentum
            and module.running_mean is not None
            and name.split('.')[0] != 'backbone'
        ]
        if self.norms:
            self.log_decay = torch.tensor([
                math.log1p(-norm.momentum) if norm.momentum < 1 else -math.inf
                for norm in self.norms
            ], device=self.norms[0].running_mean.device)

    def _statistics(self) -> List[Tensor]:
        """All running means, then all running variances."""
        return [norm.running_mean for norm in self.norms] + [
            norm.running_var for norm in self.norms]

    def before_train_iter(self, runner: Runner, batch_idx: int,
                          data_batch: object = None) -> None:
        """Remember the statistics."""
        self.before = [value.clone() for value in self._statistics()]

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: object = None,
                         outputs: object = None) -> None:
        """Correct what this iteration has changed."""
        if not self.norms:
            return
        # Without a batch nothing has changed, whatever it is divided by.
        batches = torch.stack([norm.num_batches_tracked
                               for norm in self.norms]).clamp(min=1)
        share = -torch.expm1(batches * self.log_decay)
        back = (1 - 1 / share).repeat(2)
        for value, old, weight in zip(self._statistics(), self.before, back):
            value.lerp_(old, weight.to(value))
