"""The workers start late; nothing else changes."""

import inspect
import multiprocessing

import pytest
import torch
from conftest import tiny_run
from mmengine.runner import CheckpointLoader, IterBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from mmseg_pseudoseg.datasets import MultiSourceBatchSampler

LOOPS = ('IterBasedTrainLoop', 'LateWorkersTrainLoop')
# onedl-mmengine's own loop starts them late, and is told by an option of it.
EAGER = [] if 'fast_forward_on_resume' in inspect.signature(
    IterBasedTrainLoop).parameters else ['IterBasedTrainLoop']


@pytest.mark.parametrize('num_workers', [0, 2])
def test_weights_are_those_of_the_stock_loop(voc_root, tmp_path, num_workers):
    """Bit for bit; without the hook that seeds each iteration, too."""
    found = []
    for name in LOOPS:
        cfg = tiny_run(voc_root, tmp_path / name, max_iters=2,
                       num_workers=num_workers)
        cfg['train_cfg']['type'] = name
        cfg['custom_hooks'] = []
        Runner(**cfg).train()
        found.append(CheckpointLoader.load_checkpoint(
            str(tmp_path / name / 'iter_2.pth'))['state_dict'])
    assert found[0].keys() == found[1].keys()
    for name, value in found[0].items():
        assert torch.equal(value, found[1][name]), name


@pytest.mark.parametrize('name', LOOPS)
def test_workers_start_with_the_first_batch(voc_root, tmp_path, name):
    cfg = tiny_run(voc_root, tmp_path, num_workers=2)
    cfg['train_cfg']['type'] = name
    runner = Runner(**cfg)
    before = set(multiprocessing.active_children())  # of other tests
    loop = runner.build_train_loop(runner._train_loop)
    running = set(multiprocessing.active_children()) - before
    assert len(running) == (2 if name in EAGER else 0)
    assert isinstance(loop.dataloader, DataLoader)
    next(loop.dataloader_iterator)
    assert len(set(multiprocessing.active_children()) - before) == 2


@pytest.mark.parametrize('name', LOOPS)
def test_a_resumed_run_does_not_draw_the_first_batches(
        voc_root, tmp_path, monkeypatch, name):
    """Two workers have four batches ahead, each time they start."""
    cfg = tiny_run(voc_root, tmp_path, max_iters=2)
    Runner(**cfg).train()
    drawn, stock = [], MultiSourceBatchSampler.__iter__

    def batches(sampler):
        for batch in stock(sampler):
            drawn.append(batch)
            yield batch

    monkeypatch.setattr(MultiSourceBatchSampler, '__iter__', batches)
    cfg = tiny_run(voc_root, tmp_path, max_iters=3, num_workers=2)
    cfg['train_cfg']['type'] = name
    cfg.update(resume=True)
    Runner(**cfg).train()
    ahead = 4 * (2 if name in EAGER else 1)
    assert ahead <= len(drawn) <= ahead + 1
