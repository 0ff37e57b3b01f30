"""Save and stop when the machine is about to be taken away."""

import os
import signal
import threading
import weakref
from typing import Optional

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import HOOKS

from .check_loss_hook import CheckLossHook
from .checkpoint_hook import SafeCheckpointHook

_TERM = {signal.SIGTERM}


@HOOKS.register_module()
class PreemptionHook(Hook):
    """At SIGTERM save a checkpoint and end the run as if it were finished.

    MMEngine has no such hook: SIGTERM ends its processes at once, and the
    work since the last checkpoint is lost. SIGTERM is what SLURM sends before
    it takes a job's machines, and what ``kill`` sends.

    The signal sets a flag of the process. One process looks at it after each
    iteration. Several processes have to stop after the same one, though the
    signal reaches them at different times, or one alone: every ``interval``
    iterations they take the maximum of their flags. That waits for the
    device, so it is done no more often than the log is written; the notice
    that a cluster gives must be longer than ``interval`` iterations.

    A validation that is due is still run, with the checkpoint on the disk
    before it starts.

    Args:
        interval (int): Iterations between two agreements of several
            processes.
    """

    priority = 'LOWEST'  # after CheckpointHook and ParamSchedulerHook

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self.asked = False
        self.saves: Optional[SafeCheckpointHook] = None
        self.pid = os.getpid()
        # A stock loop starts its workers before it calls any hook.
        _armed.add(self)

    def before_train(self, runner: Runner) -> None:
        """Listen from now on."""
        saves = [hook for hook in runner.hooks
                 if isinstance(hook, SafeCheckpointHook) and not hook.by_epoch]
        usable = (saves and isinstance(runner.train_loop, IterBasedTrainLoop)
                  and threading.current_thread() is threading.main_thread())
        if not usable:
            _armed.discard(self)
            runner.logger.warning(
                'SIGTERM will end this run without a checkpoint: '
                'PreemptionHook needs IterBasedTrainLoop, CheckpointHook with '
                'by_epoch=False, and the main thread.')
            return
        self.saves = saves[0]
        # None is a handler that Python did not install, nor can put back.
        self.before = signal.signal(
            signal.SIGTERM, self._note) or signal.SIG_DFL

    def _note(self, *_: object) -> None:
        """Handle the signal; a second one ends the process as ever."""
        if self.asked:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        self.asked = True

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: object = None,
                         outputs: Optional[dict] = None) -> None:
        """Save and stop, if that was asked for."""
        if self.saves is None or self.is_last_train_iter(runner):
            return
        if self._agreed(runner):
            for hook in runner.hooks:
                if isinstance(hook, CheckLossHook):  # it knows of due ones
                    hook._check(runner)
                    hook._check_weights(runner)
            path = self.saves.save_now(runner)
            runner.logger.warning(
                f'SIGTERM: stopped after iteration {runner.iter + 1} of '
                f'{runner.max_iters}, saved in {path}. The same command with '
                '--resume goes on from there.')
            runner.train_loop.stop_training = True

    def _agreed(self, runner: Runner) -> bool:
        """Whether all processes are to stop after this iteration."""
        if get_world_size() == 1:
            return self.asked
        if not self.every_n_train_iters(runner, self.interval):
            return False
        asked = torch.tensor(int(self.asked))
        all_reduce(asked, 'max')
        return bool(asked)

    def after_train(self, runner: Runner) -> None:
        """Hand the signal back to whoever had it."""
        _armed.discard(self)
        if self.saves is not None:
            signal.signal(signal.SIGTERM, self.before)
            self.saves = None


# Who listens, or is about to.
_armed: 'weakref.WeakSet[PreemptionHook]' = weakref.WeakSet()


def _leave_sigterm_to_parent() -> None:
    """Let a process that was forked in training outlive its siblings' call.

    SLURM and ``kill -- -GROUP`` signal the workers of the data loader as
    well. They die of it, their loader raises in the training process, and
    nothing can be saved. From here on a SIGTERM counts if the parent sent it,
    which is how a loader ends its workers.
    """
    if all(hook.pid != os.getppid() for hook in _armed):
        return
    _armed.clear()
    signal.pthread_sigmask(signal.SIG_BLOCK, _TERM)
    threading.Thread(target=_await_parent, daemon=True).start()


def _await_parent() -> None:
    """End this process at its parent's SIGTERM."""
    while signal.sigwaitinfo(_TERM).si_pid != os.getppid():
        pass
    os._exit(0)


if hasattr(os, 'register_at_fork'):  # Windows does not fork
    os.register_at_fork(after_in_child=_leave_sigterm_to_parent)
