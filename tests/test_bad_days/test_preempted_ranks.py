"""Several processes stop together, whoever of them is told."""

import time
from types import SimpleNamespace

import pytest
from ranks import in_ranks
from torch import distributed

from mmseg_pseudoseg.engine import PreemptionHook, SafeCheckpointHook
from mmseg_pseudoseg.engine.hooks.preemption_hook import _group_of_cpus


@pytest.mark.parametrize('count, rank', [(2, 1), (3, 0)])
def test_all_stop_after_the_same_iteration(tmp_path, count, rank):
    """The one that is told tells the others within two iterations."""

    def work(me):
        hook, saved = PreemptionHook(), []
        runner = SimpleNamespace(
            hooks=[], cfg=dict(env_cfg=dict(dist_cfg=dict(timeout=60))),
            iter=0, max_iters=9, logger=SimpleNamespace(warning=print),
            train_loop=SimpleNamespace(stop_training=False))
        hook.group = _group_of_cpus(runner)
        hook.saves = SimpleNamespace(save_now=lambda _: saved.append(
            runner.iter + 1))
        while not runner.train_loop.stop_training:
            hook.before_train_iter(runner, runner.iter)
            if runner.iter == 3 and me == rank:  # in the midst of the 4th
                hook._note()
            hook.after_train_iter(runner, runner.iter)
            runner.iter += 1
        assert saved == [5] and hook.stopped
        with pytest.raises(SystemExit, match='143'):
            hook.after_run(runner)

    assert [end.code for end in in_ranks(count, work, tmp_path)] == [0] * count


def test_nobody_leaves_before_the_checkpoint_is_there(tmp_path):
    """Launchers kill the others as soon as the first has ended."""
    written = tmp_path / 'iter_1.pth'

    def work(me):
        hook = PreemptionHook()
        hook.group = _group_of_cpus(SimpleNamespace(cfg={}))
        hook.stopped = True
        if me == 0:
            time.sleep(0.5)
            written.touch()
        with pytest.raises(SystemExit):
            hook.after_run(None)
        assert written.exists()

    assert [end.code for end in in_ranks(2, work, tmp_path)] == [0, 0]


def test_processes_that_do_not_reach_each_other(monkeypatch):
    def fail(**_):
        raise RuntimeError('connect timed out')

    monkeypatch.setattr(distributed, 'new_group', fail)
    with pytest.raises(RuntimeError, match='GLOO_SOCKET_IFNAME'):
        _group_of_cpus(SimpleNamespace(cfg={}))


def test_machines_that_see_different_files(tmp_path):
    """One would go on from a checkpoint that the other does not have."""

    def work(me):
        runner = SimpleNamespace(
            work_dir=str(tmp_path), iter=45 * me, max_iters=60, _resume=True,
            message_hub=SimpleNamespace(get_info=lambda *_: []),
            logger=SimpleNamespace(warning=print, info=print))
        SafeCheckpointHook(by_epoch=False).before_train(runner)

    for end in in_ranks(2, work, tmp_path):
        assert 'go on from iterations [0, 45], by rank' in end.message
