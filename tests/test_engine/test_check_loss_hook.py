"""A loss that is no number stops the run and spoils no checkpoint."""

import math

import pytest
import torch
from conftest import tiny_run
from mmengine.hooks import Hook
from mmengine.runner import CheckpointLoader, Runner

from mmseg_pseudoseg.engine import CheckLossHook


class Poison(Hook):
    """Sets one weight to NaN before an iteration (1 is the first)."""

    def __init__(self, iteration, weight, value=math.nan):
        self.iteration, self.weight, self.value = iteration, weight, value

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        """Overwrite the weight in time."""
        if runner.iter + 1 == self.iteration:
            with torch.no_grad():
                runner.model.get_parameter(self.weight).fill_(self.value)


def make(voc_root, work_dir, poison, interval=50, checkpoint=None):
    """A runner whose network breaks at some iteration."""
    cfg = tiny_run(voc_root, work_dir)
    cfg['custom_hooks'] += [
        dict(type='CheckLossHook', interval=interval), poison
    ]
    cfg['default_hooks']['checkpoint'].update(checkpoint or {})
    return Runner(**cfg)


def finite(path):
    """Whether all numbers of a checkpoint are finite."""
    state = CheckpointLoader.load_checkpoint(str(path))['state_dict']
    return all(torch.isfinite(value).all() for value in state.values())


@pytest.mark.parametrize('weight, names', [
    ('decode_head.conv_seg.bias', ('labeled.decode.loss_ce',
                                   'strong.loss_soft_ce')),
    ('sgc_head.conv_cls.bias', ('labeled.sgc.loss_cls', )),
])
def test_the_run_stops_and_the_last_good_checkpoint_stays(
        voc_root, tmp_path, weight, names):
    work_dir = tmp_path / 'run'
    runner = make(voc_root, work_dir, Poison(3, weight))
    with pytest.raises(FloatingPointError) as error:
        runner.train()
    message = str(error.value)
    assert 'iteration 3.' in message and str(work_dir) in message
    for name in names:
        assert name in message
    assert sorted(p.name for p in work_dir.glob('*.pth')) == [
        'iter_1.pth', 'iter_2.pth']
    assert (work_dir / 'last_checkpoint').read_text().endswith('iter_2.pth')
    assert finite(work_dir / 'iter_2.pth')
    cfg = tiny_run(voc_root, work_dir, max_iters=4)
    cfg.update(resume=True)
    Runner(**cfg).train()
    assert finite(work_dir / 'iter_4.pth')


def test_one_kept_checkpoint_is_not_given_up_for_a_bad_one(
        voc_root, tmp_path):
    # CheckpointHook removes the oldest file before it writes the new one.
    runner = make(voc_root, tmp_path / 'run',
                  Poison(4, 'decode_head.conv_seg.bias'),
                  checkpoint=dict(max_keep_ckpts=1))
    with pytest.raises(FloatingPointError, match='iteration 4'):
        runner.train()
    assert [p.name for p in (tmp_path / 'run').glob('*.pth')] == ['iter_3.pth']


def test_checkpoints_that_begin_late_are_checked_too(voc_root, tmp_path):
    runner = make(voc_root, tmp_path / 'run',
                  Poison(3, 'decode_head.conv_seg.bias'),
                  checkpoint=dict(interval=2, save_begin=1))
    with pytest.raises(FloatingPointError, match='iteration 3'):
        runner.train()  # saved: 1, not 3
    assert [p.name for p in (tmp_path / 'run').glob('*.pth')] == ['iter_1.pth']


@pytest.mark.parametrize('interval, raised', [(1, 3), (2, 4), (50, 6)])
def test_without_a_checkpoint_it_reads_every_interval(
        voc_root, tmp_path, interval, raised):
    runner = make(voc_root, tmp_path / 'run',
                  Poison(3, 'decode_head.conv_seg.bias', math.inf),
                  interval, dict(interval=-1, save_last=False))
    with pytest.raises(FloatingPointError, match='iteration 3'):
        runner.train()
    assert runner.iter + 1 == raised
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_a_healthy_run_is_not_disturbed(voc_root, tmp_path):
    make(voc_root, tmp_path / 'run', Poison(9, 'none'), interval=1).train()
    assert finite(tmp_path / 'run' / 'iter_6.pth')


def test_weights_that_broke_behind_a_finite_loss_are_not_saved(
        voc_root, tmp_path):
    # The gradient of iteration 3 is NaN: its loss is good, its weights not.
    runner = make(voc_root, tmp_path / 'run', Poison(9, 'none'))

    def spoil(grad):
        return grad * math.nan if runner.iter + 1 == 3 else grad

    runner.model.decode_head.conv_seg.bias.register_hook(spoil)
    with pytest.raises(FloatingPointError):
        runner.train()
    last = (tmp_path / 'run' / 'last_checkpoint').read_text()
    assert last.endswith('iter_2.pth') and finite(last)


class FakeRunner:
    """As much of a Runner as the hook reads."""

    iter, work_dir, max_iters, hooks = 0, 'runs/x', 99, ()


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
def test_the_first_bad_loss_is_named(value):
    hook, runner = CheckLossHook(3), FakeRunner()
    bad, good = torch.tensor(value), torch.tensor(1.)
    steps = [
        {'loss': good, 'a.loss_ce': good, 'b.loss_ce': good, 'acc': bad},
        {'loss': bad, 'a.loss_ce': good, 'b.loss_ce': bad, 'acc': good},
        {'loss': bad, 'a.loss_ce': bad, 'b.loss_ce': good, 'acc': good},
    ]
    with pytest.raises(FloatingPointError,
                       match=r'^b\.loss_ce became .* iteration 2\.'):
        for runner.iter, outputs in enumerate(steps):
            hook.after_train_iter(runner, runner.iter, outputs=outputs)
    assert runner.iter == 2
