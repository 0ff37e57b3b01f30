"""Keep convolution weights in the layout that the kernels like best."""

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Convert the model to ``torch.channels_last`` before it runs.

    MMEngine has no switch for it. Convolutions take the layout of their
    weights, so the activations follow; values differ by rounding alone.
    """

    def before_train(self, runner: Runner) -> None:
        """Convert the weights, which are initialised or loaded by now."""
        runner.model.to(memory_format=torch.channels_last)
