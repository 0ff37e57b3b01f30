"""Save and stop when the machine is about to be taken away."""

import os
import signal
import threading
import time
import weakref
from datetime import timedelta
from typing import Any, Optional

import torch
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import HOOKS
from torch import distributed

from .check_loss_hook import CheckLossHook
from .checkpoint_hook import SafeCheckpointHook

STOPPED = 128 + signal.SIGTERM  # 143, a shell's code for an end by SIGTERM
ECHO = 5  # seconds
_TERM = {signal.SIGTERM}


@HOOKS.register_module()
class PreemptionHook(Hook):
    """At SIGTERM save a checkpoint and end the process with code 143.

    MMEngine has no such hook: SIGTERM ends its processes at once, and the
    work since the last checkpoint is lost. SIGTERM is what SLURM, Kubernetes
    and torchrun send before they end a process, and what ``kill`` sends.

    The signal sets a flag of the process. One process looks at it after each
    iteration. Several have to stop after the same one, though the signal
    reaches them at different times, or one alone: they take the maximum of
    their flags, in every iteration. It is on its way while the network
    computes, between CPUs (a group of gloo of its own), so that nothing waits
    for a GPU. The run stops at most two iterations after the signal.

    A validation that is due is still run, with the checkpoint on the disk
    before it starts. Then the run ends as if it were finished, but for the
    code, which a process has that SIGTERM ended in the ordinary way: a queue
    that looks at it needs one rule, and ``train && test`` does not test. The
    processes end together, since launchers kill the others after the first.

    A second SIGTERM ends the process at once. Below torchrun one that
    follows within :data:`ECHO` seconds does not count: SLURM signals all
    processes of a job, and torchrun passes its own on to those below it.
    """

    priority = 'LOWEST'  # after CheckpointHook and ParamSchedulerHook

    def __init__(self) -> None:
        self.asked: Optional[float] = None  # when
        self.stopped = False
        self.saves: Optional[SafeCheckpointHook] = None
        self.group: Any = None
        self.vote: Any = None
        self.pid = os.getpid()
        # A stock loop starts its workers before it calls any hook.
        _armed.add(self)

    def before_train(self, runner: Runner) -> None:
        """Listen from now on.

        Raises:
            RuntimeError: If the processes cannot reach each other by gloo.
        """
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
        if self.group is None and get_world_size() > 1:
            self.group = _group_of_cpus(runner)
        self.saves = saves[0]
        # None is a handler that Python did not install, nor can put back.
        self.before = signal.signal(
            signal.SIGTERM, self._note) or signal.SIG_DFL

    def _note(self, *_: object) -> None:
        """Handle the signal; a second one ends the process as ever."""
        now = time.monotonic()
        if self.asked is None:
            self.asked = now
        elif (now - self.asked > ECHO
              or 'TORCHELASTIC_RUN_ID' not in os.environ):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: object = None) -> None:
        """Send this process's flag to the others."""
        if self.saves is not None and self.group is not None:
            flag = torch.tensor(int(self.asked is not None), device='cpu')
            self.vote = flag, distributed.all_reduce(
                flag, distributed.ReduceOp.MAX, self.group, async_op=True)

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: object = None,
                         outputs: Optional[dict] = None) -> None:
        """Save and stop, if that was asked for."""
        if (self.saves is None or not self._agreed()
                or self.is_last_train_iter(runner)):
            return
        for hook in runner.hooks:
            if isinstance(hook, CheckLossHook):  # it knows of due ones
                hook._check(runner)
                hook._check_weights(runner)
        path = self.saves.save_now(runner)
        runner.logger.warning(
            f'SIGTERM: stopped after iteration {runner.iter + 1} of '
            f'{runner.max_iters}, saved in {path}. The same command with '
            '--resume goes on from there.')
        self.stopped = runner.train_loop.stop_training = True

    def _agreed(self) -> bool:
        """Whether all processes are to stop after this iteration."""
        if self.group is None:
            return self.asked is not None
        flag, work = self.vote
        work.wait()
        return bool(flag)

    def after_train(self, runner: Runner) -> None:
        """Hand the signal back to whoever had it."""
        _armed.discard(self)
        if self.saves is not None:
            signal.signal(signal.SIGTERM, self.before)
            self.saves = None

    def after_run(self, runner: Runner) -> None:
        """End the process, if the run was stopped.

        Raises:
            SystemExit: With :data:`STOPPED`.
        """
        if self.stopped:
            if self.group is not None:  # one of them has just saved
                distributed.barrier(self.group)
            raise SystemExit(STOPPED)


def _group_of_cpus(runner: Runner) -> Any:
    """A group of all processes that needs no GPU.

    Args:
        runner (Runner): Its ``env_cfg.dist_cfg.timeout`` holds here as well.

    Raises:
        RuntimeError: If they cannot reach each other.
    """
    seconds = runner.cfg.get('env_cfg', {}).get('dist_cfg', {}).get('timeout')
    limit = distributed.default_pg_timeout if seconds is None else timedelta(
        seconds=seconds)
    try:
        return distributed.new_group(backend='gloo', timeout=limit)
    except RuntimeError as error:
        raise RuntimeError(
            'PreemptionHook: the processes cannot reach each other by gloo. '
            'Where the name of a machine leads to its loopback address, name '
            'the network card: GLOO_SOCKET_IFNAME=eth0 (see "ip addr")'
        ) from error


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
