"""Hand the losses to the log without waiting for them in every step."""

from typing import Dict, List, Optional, Union

import torch
from mmengine.hooks import CheckpointHook, LoggerHook, RuntimeInfoHook
from mmengine.runner import Runner
from mmengine.utils import apply_to
from mmseg.registry import HOOKS
from torch import Tensor

Outputs = Dict[str, Union[Tensor, float]]


@HOOKS.register_module()
class DeferredRuntimeInfoHook(RuntimeInfoHook):
    """``RuntimeInfoHook`` that reads the losses when somebody looks at them.

    The stock hook reads every loss in every iteration, and each time the host
    waits until the device has computed it. This one keeps them on the device
    and reads them all at once, in order, before a ``LoggerHook`` or a
    ``CheckpointHook`` takes them. Logs, means over windows and checkpoints
    are the same.
    """

    def __init__(self) -> None:
        self.pending: List[Outputs] = []

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: object = None,
                         outputs: Optional[dict] = None) -> None:
        """Keep the losses of this iteration; read them where it is time."""
        self.pending.append({
            key: value.detach() if isinstance(value, Tensor) else value
            for key, value in (outputs or {}).items()
        })
        readers = [hook for hook in runner.hooks
                   if isinstance(hook, (LoggerHook, CheckpointHook))]
        last = self.is_last_train_iter(runner) or self.end_of_epoch(
            runner.train_dataloader, batch_idx)
        if last or any(
                self.every_n_inner_iters(batch_idx, hook.interval) or
                self.every_n_train_iters(
                    runner, hook.interval, getattr(hook, 'save_begin', 0))
                for hook in readers):
            self.read(runner)

    def before_save_checkpoint(self, runner: Runner,
                               checkpoint: dict) -> None:
        """Whoever saves, the message hub in ``checkpoint`` is complete."""
        self.read(runner)
        # MMEngine copied the hub into it before it asked.
        checkpoint['message_hub'] = apply_to(
            runner.message_hub.state_dict(),
            lambda value: isinstance(value, Tensor), Tensor.cpu)

    def read(self, runner: Runner) -> None:
        """Move what is pending to the message hub, in one transfer.

        Args:
            runner (Runner): In an iteration, or at the end of the run.
        """
        tensors = [value for one in self.pending for value in one.values()
                   if isinstance(value, Tensor)]
        numbers = iter(torch.stack([
            value.reshape(()).double() for value in tensors
        ]).tolist() if tensors else [])
        for one in self.pending:
            super().after_train_iter(
                runner, 0, outputs={
                    key: next(numbers) if isinstance(value, Tensor) else value
                    for key, value in one.items()})
        self.pending = []
