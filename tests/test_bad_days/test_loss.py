"""A loss that is no number is told with the images of its batch."""

import math

import pytest
import torch
from conftest import tiny_run
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.structures import SegDataSample
from ranks import in_ranks

from mmseg_pseudoseg.engine import CheckLossHook
from mmseg_pseudoseg.engine.hooks.check_loss_hook import image_paths

BAD, GOOD = torch.tensor(math.nan), torch.tensor(1.)


class Spoiler(Hook):
    """Spoils the loss of an iteration; writes down what each batch holds."""

    def __init__(self, iteration):
        self.iteration, self.batches, self.hook = iteration, {}, None

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        """Note the files, and reach for the bias in time."""
        self.hook, = (h for h in runner.hooks if isinstance(h, CheckLossHook))
        self.batches[runner.iter + 1] = {
            sample.img_path for samples in data_batch['data_samples'].values()
            for sample in samples}
        if runner.iter + 1 == self.iteration:
            with torch.no_grad():
                runner.model.decode_head.conv_seg.bias.fill_(math.nan)


def make(voc_root, work_dir, iteration, interval):
    """A runner without checkpoints, and its spoiler."""
    cfg = tiny_run(voc_root, work_dir)
    spoiler = Spoiler(iteration)
    cfg['custom_hooks'] += [spoiler,
                            dict(type='CheckLossHook', interval=interval)]
    cfg['default_hooks']['checkpoint'].update(interval=-1, save_last=False)
    return Runner(**cfg), spoiler


@pytest.mark.parametrize('interval', [1, 4])
def test_the_images_of_the_failing_iteration_are_named(voc_root, tmp_path,
                                                       interval):
    runner, spoiler = make(voc_root, tmp_path / 'run', 3, interval)
    with pytest.raises(FloatingPointError, match='iteration 3') as error:
        runner.train()
    assert runner.iter + 1 == max(3, interval)
    told = {str(path) for path in (voc_root / 'JPEGImages').iterdir()
            if str(path) in str(error.value)}
    assert told == spoiler.batches[3]
    others = [batch for i, batch in spoiler.batches.items() if i != 3]
    assert others and told not in others


def test_a_healthy_run_keeps_names_of_one_interval_alone(voc_root, tmp_path):
    runner, spoiler = make(voc_root, tmp_path / 'run', 99, 4)
    runner.train()
    assert spoiler.hook.images == {}  # read at the last iteration
    hook, batch = CheckLossHook(4), dict(data_samples=[
        SegDataSample(metainfo=dict(img_path='a.jpg'))])
    for FakeRunner.iter in range(6):
        hook.after_train_iter(FakeRunner, 0, batch, dict(loss=GOOD))
    assert hook.images == {5: ['a.jpg'], 6: ['a.jpg']}  # no tensor is kept


def test_batches_of_stock_datasets_are_named_too():
    samples = [SegDataSample(metainfo=dict(img_path=f'{name}.jpg'))
               for name in 'abb'] + [SegDataSample()]
    assert image_paths(dict(data_samples=samples)) == ['a.jpg', 'b.jpg']
    assert image_paths(dict(data_samples=dict(weak=samples, strong=samples))
                       ) == ['a.jpg', 'b.jpg']
    assert image_paths(None) == []


class FakeRunner:
    """As much of a Runner as the hook reads."""

    iter, work_dir, max_iters, hooks = 0, 'runs/x', 99, ()


@pytest.mark.parametrize('bad, told, iteration', [
    ({1: 2, 0: 3}, [1], 2),  # the average of the gradients spoils the others
    ({1: 2, 0: 2}, [0, 1], 2),
    ({1: 4}, [1], 4),  # at the very reading: rank 0 has seen nothing
])
def test_every_rank_names_the_images_of_the_bad_ones(tmp_path, bad, told,
                                                     iteration):
    def work(rank):
        hook = CheckLossHook(4)
        for FakeRunner.iter in range(8):
            step = FakeRunner.iter + 1
            loss = BAD if step >= bad.get(get_rank(), 99) else GOOD
            hook.after_train_iter(
                FakeRunner, 0, dict(data_samples=[SegDataSample(metainfo=dict(
                    img_path=f'rank{rank}_step{step}.jpg'))]),
                {'loss': loss, f'part{rank}.loss_ce': loss})

    ends = in_ranks(2, work, tmp_path)
    assert [end.code for end in ends] == [1, 1]
    one, other = (end.message for end in ends)
    assert one == other and one.startswith('FloatingPointError: ')
    assert f'at iteration {iteration}.' in one
    for rank in (0, 1):
        name = f'on rank {rank}: rank{rank}_step{iteration}.jpg. '
        assert (name in one) == (rank in told)
        assert (f'part{rank}.loss_ce' in one) == (rank in told)
    assert one.count('.jpg') == len(told)
