"""A process that dies or hangs ends the others, which name it."""

import os
import re
import signal
import time
from datetime import timedelta

import mmengine.dist
import pytest
import torch
from conftest import ROOT
from mmengine.config import Config
from ranks import in_ranks
from torch import distributed
from trainer import log_of, start_two, write_config

from mmseg_pseudoseg.engine import failures
from mmseg_pseudoseg.engine.failures import Peer, explain_failures

RUNTIME = ROOT / 'configs/_base_/default_runtime.py'
GOSSIP = 'third_party/gloo/gloo/transport/tcp/pair.cc: Connection closed'
BAD_DAY = '''
import os
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmseg.registry import HOOKS


@HOOKS.register_module()
class BadDay(Hook):

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 2 and get_rank() == 1:
            os.kill(os.getpid(), 9)
'''


def share(group=None):
    """What ranks do all the time."""
    for _ in range(200):
        distributed.all_reduce(torch.ones(4), group=group)


def named(message):
    """The ranks that a message says have ended."""
    found = re.search(r'Ended: rank ([\d, ]+)\.', message)
    assert found, message
    return [int(rank) for rank in found[1].split(', ')]


@pytest.mark.parametrize('count, bad', [(2, 1), (2, 0), (4, 2)])
def test_survivors_of_a_killed_rank_end_and_name_it(tmp_path, count, bad):
    def work(rank):
        def train():
            share()
            if rank == bad:
                os.kill(os.getpid(), signal.SIGKILL)
            share()
        explain_failures(train)

    ends = in_ranks(count, work, tmp_path)
    assert ends[bad].code == -signal.SIGKILL
    for rank, end in enumerate(ends):
        if rank != bad:
            assert end.code == 1, end
            assert end.message.startswith('RuntimeError: a process of this')
            assert bad in named(end.message) and rank not in named(end.message)
            assert '--resume' in end.message
    assert [bad] in [named(e.message) for i, e in enumerate(ends) if i != bad]


@pytest.mark.parametrize('how, expected', [
    ('stop', 'Stopped by a signal: rank 1.'),
    ('sleep', 'None of rank 0, 1 has ended; one hangs'),
])
def test_a_rank_that_hangs_is_told_after_the_timeout(tmp_path, monkeypatch,
                                                     how, expected):
    monkeypatch.setattr(failures, 'PATIENCE', 0.5)

    def work(rank):
        group = distributed.new_group(timeout=timedelta(seconds=5))

        def train():
            share(group)
            if rank == 1 and how == 'stop':
                os.kill(os.getpid(), signal.SIGSTOP)
            if rank == 1:
                time.sleep(3600)
            share(group)
        explain_failures(train)

    survivor, hung = in_ranks(2, work, tmp_path, hangs=1)
    assert survivor.code == 1 and hung.code is None
    assert expected in survivor.message


def test_what_other_machines_do_is_not_guessed(monkeypatch):
    monkeypatch.setattr(failures, 'PATIENCE', 0)
    monkeypatch.setattr(failures.socket, 'gethostname', lambda: 'here')
    alive, gone = Peer(0, 'here', os.getpid()), Peer(1, 'here', 2**22 + 1)
    away = [Peer(2, 'there', os.getpid()), Peer(3, 'there', 2**22 + 1)]
    far = 'Not seen from here: rank 2 (there), 3 (there).'
    message = failures.explain_lost([alive, *away])
    assert f'Those of here all run. {far}' in message
    assert 'Ended' not in message and 'hangs' in message
    assert f'Ended: rank 1. {far}' in failures.explain_lost(
        [alive, gone, *away])


@pytest.mark.parametrize('error', [
    RuntimeError('CUDA out of memory'), RuntimeError(GOSSIP),
    ValueError(GOSSIP), KeyboardInterrupt()
])
def test_other_errors_pass_as_they_are(error):
    def fail():
        raise error

    # No process group here: whatever gloo says is of another making.
    with pytest.raises(type(error)) as caught:
        explain_failures(fail)
    assert caught.value is error


def test_an_error_of_ones_own_is_not_blamed_on_others(tmp_path):
    def work(rank):
        def fail():
            raise RuntimeError('mat1 and mat2 shapes cannot be multiplied')
        explain_failures(fail)

    for end in in_ranks(2, work, tmp_path):
        assert end.message == ('RuntimeError: mat1 and mat2 shapes cannot be '
                               'multiplied')


@pytest.fixture()
def started(monkeypatch):
    """Arguments of ``init_process_group``, which is not run."""
    calls = []
    monkeypatch.setattr(distributed, 'init_process_group',
                        lambda *_, **kwargs: calls.append(kwargs))
    monkeypatch.setattr(torch.cuda, 'set_device', lambda _: None)
    monkeypatch.setenv('RANK', '0')
    monkeypatch.setenv('LOCAL_RANK', '0')
    return calls


@pytest.mark.parametrize('seconds', [600, 77])
def test_the_timeout_of_the_config_is_that_of_the_group(
        started, monkeypatch, seconds):
    monkeypatch.syspath_prepend(ROOT / 'tools')
    import _cli

    cfg = Config.fromfile(RUNTIME)
    assert cfg.env_cfg.dist_cfg.timeout == 600
    cfg.env_cfg.dist_cfg.update(backend='gloo', timeout=seconds)
    _cli.join_processes_on_cpu(cfg)  # no GPU
    mmengine.dist.init_dist('pytorch', **cfg.env_cfg.dist_cfg)  # a GPU
    assert [call['timeout'] for call in started] == [
        timedelta(seconds=seconds)] * 2
    del cfg.env_cfg.dist_cfg.timeout  # as in stock configs
    _cli.join_processes_on_cpu(cfg)
    assert started[2]['timeout'] is None


def test_a_killed_rank_of_a_real_run(voc_root, tmp_path):
    # Without an agent, as with mpirun. Checkpoints are there at 2.
    config = write_config(voc_root, tmp_path / 'run.py', BAD_DAY)
    zero, one = start_two(config)
    one.join(300)
    zero.join(300)  # the group waits for 600 s
    log = log_of(config, 0).read_text()
    assert one.exitcode == -signal.SIGKILL
    assert zero.exitcode not in (0, None), log[-3000:]
    assert named(log) == [1], log[-3000:]
    assert (tmp_path / 'run' / 'iter_2.pth').is_file()
