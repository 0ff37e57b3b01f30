"""Two processes train as the mean of their two halves says."""

import copy
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import torch
from conftest import free_port, tiny_run
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.registry import DATASETS, MODELS

from mmseg_pseudoseg.datasets import (
    MultiSourceBatchSampler,
    multi_branch_collate,
)

ROOT = Path(__file__).resolve().parents[2]
STEPS, RATE = 2, 0.1

WORKER = '''
import multiprocessing
import sys
from glob import glob
import torch
import mmseg_pseudoseg
from mmseg_pseudoseg.engine import leave_process_group
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.runner import Runner

torch.set_num_threads(1)
torch.distributed.init_process_group('gloo')  # MMEngine's own wants a GPU
cfg = Config.fromfile(sys.argv[1])
runner = Runner.from_cfg(cfg)
assert runner.world_size == 2
assert runner.model.find_unused_parameters is False
assert runner.model.broadcast_buffers is False
runner.train()
torch.save(runner.model.module.state_dict(),
           f'{cfg.work_dir}/rank{get_rank()}.pth')
del runner
loaders = multiprocessing.active_children()
leave_process_group()
# An abandoned worker is waited for, and then terminated: exit code -15.
assert [worker.exitcode for worker in loaders] == [0], loaders
threads = [open(name).read() for name in glob('/proc/self/task/*/comm')]
assert not [name for name in threads if 'gloo' in name], threads
'''


def config(voc_root, tmp_path):
    """Plain SGD from given weights, dropout off, 1 + 1 images a process."""
    cfg = tiny_run(voc_root, tmp_path / 'run', max_iters=STEPS, batch_size=2)
    cfg['model']['decode_head']['dropout_ratio'] = 0
    cfg['optim_wrapper']['optimizer'] = dict(type='SGD', lr=RATE)
    cfg['param_scheduler'] = None
    cfg['train_dataloader'].update(num_workers=1, persistent_workers=True)
    cfg.update(launcher='pytorch', load_from=str(tmp_path / 'start.pth'),
               model_wrapper_cfg=dict(
                   type='FrozenFirstDistributedDataParallel'))
    return Config(cfg)


def run_two_processes(cfg, tmp_path):
    """Train; returns both ranks' final states."""
    cfg.dump(str(tmp_path / 'cfg.py'))
    env = dict(os.environ, MASTER_ADDR='127.0.0.1', WORLD_SIZE='2',
               MASTER_PORT=free_port(), OMP_NUM_THREADS='1',
               CUDA_VISIBLE_DEVICES='', PYTHONPATH=str(ROOT))
    command = [sys.executable, '-c', WORKER, str(tmp_path / 'cfg.py')]
    workers = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE, text=True,
                         env=dict(env, RANK=str(r), LOCAL_RANK=str(r)))
        for r in range(2)
    ]
    try:
        for worker in workers:
            error = worker.communicate(timeout=900)[1]
            assert worker.returncode == 0, error[-3000:]
    finally:
        for worker in workers:
            worker.kill()
    return [torch.load(f'{cfg.work_dir}/rank{r}.pth') for r in range(2)]


def halves(cfg, rank):
    """The batches of one rank, made in this process."""
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    stock = Runner.build_dataloader(
        dict(dataset=dataset, batch_size=1, num_workers=0,
             sampler=dict(type='InfiniteSampler')), seed=0).sampler
    stock.rank, stock.world_size = rank, 2
    sampler = MultiSourceBatchSampler(stock, 2, dict(labeled=1, unlabeled=1))
    for batch in islice(iter(sampler), STEPS):
        yield multi_branch_collate([dataset[i] for i in batch])


def by_hand(cfg, start):
    """Both ranks' states after the steps, gradients averaged by loops."""
    models = []
    for _ in range(2):
        models.append(MODELS.build(cfg.model).train())
        models[-1].load_state_dict(start)
    for batches in zip(halves(cfg, 0), halves(cfg, 1)):
        for model, batch in zip(models, batches):
            model.zero_grad()
            data = model.data_preprocessor(copy.deepcopy(batch), True)
            losses = model(**data, mode='loss')
            model.parse_losses(losses)[0].backward()
        with torch.no_grad():
            for one, other in zip(*[m.parameters() for m in models]):
                if not one.requires_grad:  # batch norm of the SGC head
                    continue
                mean = (one.grad + other.grad) / 2
                one -= RATE * mean
                other -= RATE * mean
    return [model.state_dict() for model in models]


def test_two_processes_equal_the_mean_of_two_halves(voc_root, tmp_path):
    cfg = config(voc_root, tmp_path)
    model = MODELS.build(cfg.model)
    model.init_weights()
    start = {k: v.clone() for k, v in model.state_dict().items()}
    torch.save(dict(state_dict=start), tmp_path / 'start.pth')
    ranks = run_two_processes(cfg, tmp_path)
    expected = by_hand(cfg, start)
    learned = {n for n, p in model.named_parameters() if p.requires_grad}
    for name in start:
        if name in learned:
            assert torch.equal(ranks[0][name], ranks[1][name]), name
            assert not torch.equal(ranks[0][name], start[name]), name
        for rank in range(2):
            # Statistics are each process's own (no SyncBN here).
            torch.testing.assert_close(
                ranks[rank][name], expected[rank][name], rtol=1e-3,
                atol=1e-5, msg=f'{name} of rank {rank}')
    means = [ranks[r]['backbone.bn1.running_mean'] for r in range(2)]
    assert not torch.equal(*means)
