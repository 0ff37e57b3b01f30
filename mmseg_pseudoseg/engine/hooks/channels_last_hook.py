"""Keep convolution weights in the layout that the kernels like best."""

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch.nn.parallel import DistributedDataParallel


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Convert the model to ``torch.channels_last`` before it runs.

    MMEngine has no switch for it. Convolutions take the layout of their
    weights, so the activations follow; values differ by rounding alone.

    A distributed wrapper lays out its buckets of gradients as the weights are
    when it is made, and a Runner makes it before any hook is called. It is
    made again here, around the converted model.
    """

    def before_run(self, runner: Runner) -> None:
        """Convert the weights; initialising and loading keep the layout."""
        if not isinstance(runner.model, DistributedDataParallel):
            runner.model.to(memory_format=torch.channels_last)
            return
        model = runner.model.module.to(memory_format=torch.channels_last)
        runner.model = None  # ends the wrapper, and its hooks on the weights
        runner.model = runner.wrap_model(
            runner.cfg.get('model_wrapper_cfg'), model)
