"""What the hook does besides saving; see tests/test_bad_days for that."""

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch
from conftest import tiny_run
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_pseudoseg.engine import PreemptionHook


class Ask(Hook):
    """Send SIGTERM in an iteration, perhaps with a NaN among the weights."""

    def __init__(self, iteration, bad=False):
        self.iteration, self.bad = iteration, bad

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        """Send it; a Python handler has run by the next line."""
        if runner.iter + 1 == self.iteration:
            if self.bad:
                next(runner.model.parameters()).data.fill_(torch.nan)
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(autouse=True)
def ignored():
    """Outlive a signal that no hook takes; hand it back afterwards."""
    taken = []
    before = signal.signal(signal.SIGTERM, lambda *_: taken.append(1))
    yield taken
    signal.signal(signal.SIGTERM, before)


def run(voc_root, work_dir, ask, max_iters=3, **checkpoint):
    """Train with both hooks; the runner, and its warnings."""
    cfg = tiny_run(voc_root, work_dir, max_iters=max_iters)
    cfg['train_cfg']['val_interval'] = 2
    cfg['custom_hooks'] += [dict(type='CheckLossHook'),
                            dict(type='PreemptionHook')]
    cfg['default_hooks']['checkpoint'].update(interval=-1, **checkpoint)
    runner = Runner(**cfg)
    runner.register_hook(ask)
    told = []
    runner.logger.warning = told.append
    try:
        runner.train()
    except SystemExit as end:
        assert end.code == 143 and runner.iter < max_iters
    else:
        assert runner.iter == max_iters
    return runner, told


def test_the_signal_is_handed_back(voc_root, tmp_path, ignored):
    runner, told = run(voc_root, tmp_path / 'run', Ask(2))
    assert runner.iter == 2 and len(told) == 1 and not ignored
    assert (f'stopped after iteration 2 of 3, saved in {tmp_path}/run/'
            'iter_2.pth') in told[0]
    os.kill(os.getpid(), signal.SIGTERM)
    assert ignored


@pytest.fixture()
def sent(monkeypatch):
    """Signals that this process sends, which do not arrive."""
    sent = []
    monkeypatch.setattr(os, 'kill', lambda *args: sent.append(
        (*args, signal.getsignal(signal.SIGTERM))))
    return sent


ENDED = [(os.getpid(), signal.SIGTERM, signal.SIG_DFL)]


def test_a_second_signal_ends_it_at_once(sent, monkeypatch):
    """Whoever asks twice does not wait; nor does a run that has failed."""
    monkeypatch.delenv('TORCHELASTIC_RUN_ID', raising=False)
    hook = PreemptionHook()
    hook._note()
    assert hook.asked is not None and not sent
    hook._note()
    assert sent == ENDED


def test_what_torchrun_passes_on_is_no_second_signal(sent, monkeypatch):
    """SLURM signals a process and its launcher, which signals it again."""
    monkeypatch.setenv('TORCHELASTIC_RUN_ID', 'any')
    clock = [100.]
    monkeypatch.setattr(time, 'monotonic', lambda: clock[0])
    hook = PreemptionHook()
    hook._note()
    clock[0] += 4
    hook._note()
    assert hook.asked == 100 and not sent
    clock[0] += 2
    hook._note()
    assert sent == ENDED


def test_a_handler_from_outside_python_is_no_obstacle(voc_root, tmp_path,
                                                      monkeypatch):
    """``signal.signal`` returns None for it, and does not take None."""
    stock = signal.signal
    monkeypatch.setattr(
        signal, 'signal', lambda *args: stock(*args) and None)
    runner, told = run(voc_root, tmp_path / 'run', Ask(2))
    assert runner.iter == 2 and len(told) == 1


def test_a_validation_that_is_due_finds_the_checkpoint(voc_root, tmp_path,
                                                       monkeypatch):
    seen = []
    monkeypatch.setattr(Runner, 'val_loop', SimpleNamespace(
        run=lambda: seen.append((tmp_path / 'run' / 'iter_2.pth').is_file())))
    run(voc_root, tmp_path / 'run', Ask(2))
    assert seen == [True]


def test_the_last_iteration_ends_as_ever(voc_root, tmp_path):
    runner, told = run(voc_root, tmp_path / 'run', Ask(3))
    assert runner.iter == 3 and not told
    assert (tmp_path / 'run' / 'iter_3.pth').is_file()


def test_a_bad_weight_is_not_saved(voc_root, tmp_path):
    with pytest.raises(FloatingPointError, match='NaN or infinite after iter'):
        run(voc_root, tmp_path / 'run', Ask(2, bad=True))
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_where_it_cannot_save_it_says_so(voc_root, tmp_path, ignored):
    runner, told = run(voc_root, tmp_path / 'run', Ask(2), by_epoch=True)
    assert runner.iter == 3 and ignored
    assert 'SIGTERM will end this run without a checkpoint' in told[0]


def test_children_listen_to_their_parent_alone(voc_root, tmp_path):
    cfg = tiny_run(voc_root, tmp_path / 'run')
    cfg['custom_hooks'] += [dict(type='PreemptionHook')]
    runner = Runner(**cfg)  # alive, as it is when the loader forks
    child = os.fork()
    if child == 0:
        time.sleep(100)
        os._exit(1)
    command = f'import os; os.kill({child}, {int(signal.SIGTERM)})'
    subprocess.run([sys.executable, '-c', command], check=True)
    time.sleep(0.2)
    assert os.waitpid(child, os.WNOHANG) == (0, 0)
    os.kill(child, signal.SIGTERM)
    assert os.waitpid(child, 0)[1] == 0
    del runner
