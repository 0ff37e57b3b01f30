"""A first line of the log that comes soon, and times left that hold."""

from typing import Any, Dict, Optional

from mmengine.dist import is_main_process
from mmengine.hooks import LoggerHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class EarlyLoggerHook(LoggerHook):
    """Write the first line early, then every ``interval`` iterations.

    The stock hook writes nothing for 50 iterations, and the time left that it
    shows counts the start of the workers as if every iteration began so. Here
    it is told by the iterations since the last line, without the first one of
    the process.

    Args:
        interval (int): Iterations between two lines.
        first (int): Iterations until the first, at most ``interval``; after a
            resume until the next multiple of it.
        **kwargs: Of ``LoggerHook``.
    """

    def __init__(self, interval: int = 50, first: int = 10,
                 **kwargs: Any) -> None:
        super().__init__(interval=interval, **kwargs)
        self.first = first
        self.later = interval
        self.begun = 0

    def before_train(self, runner: Runner) -> None:
        """Note where this process begins."""
        self.begun = runner.iter
        self.interval = min(self.first, self.later)

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: object = None,
                         outputs: Optional[dict] = None) -> None:
        """Write a line where it is time."""
        due = self.every_n_inner_iters(batch_idx, self.interval)
        if due:
            self._tell_time_left(runner)
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        if due:  # who else asks for the interval sees the one in force
            self.interval = self.later

    def after_test_epoch(self, runner: Runner,
                         metrics: Optional[Dict[str, float]] = None) -> None:
        """Write the metrics of a test, in one process.

        The stock hook has every process write the same file at once, which
        can mix their lines.
        """
        if is_main_process():
            super().after_test_epoch(runner, metrics)

    def _tell_time_left(self, runner: Runner) -> None:
        """Replace the stock estimate, which ``IterTimerHook`` made."""
        done = runner.iter + 1 - self.begun
        count = min(self.later, done - 1)
        if count and 'train/time' in runner.message_hub.log_scalars:
            times, _ = runner.message_hub.get_scalar('train/time').data
            left = runner.max_iters - runner.iter - 1
            runner.message_hub.update_info(
                'eta', float(times[-count:].mean()) * left)
