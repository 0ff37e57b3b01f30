"""What several processes validate is what one of them saves."""

import os
import subprocess
import sys
from types import SimpleNamespace

import torch
from conftest import ROOT, free_port
from mmengine.config import Config
from torch import nn

from mmseg_pseudoseg.engine import BroadcastBuffersHook

WORKER = '''
import sys
from types import SimpleNamespace
import torch
from torch import distributed, nn
from mmseg_pseudoseg.engine import BroadcastBuffersHook, leave_process_group

distributed.init_process_group('gloo')
rank = distributed.get_rank()
model = nn.Sequential(nn.BatchNorm2d(3), nn.BatchNorm2d(4))
for tensor in (*model.parameters(), *model.buffers()):
    tensor.data.fill_(5 + rank)
BroadcastBuffersHook().before_val_epoch(SimpleNamespace(model=model))
torch.save(model.state_dict(), f'{sys.argv[1]}/{rank}.pth')
leave_process_group()
'''


def test_all_ranks_get_the_buffers_of_the_first(tmp_path):
    env = dict(os.environ, MASTER_ADDR='127.0.0.1', WORLD_SIZE='2',
               MASTER_PORT=free_port(), PYTHONPATH=str(ROOT))
    ranks = [
        subprocess.Popen([sys.executable, '-c', WORKER, str(tmp_path)],
                         env=dict(env, RANK=str(rank)))
        for rank in range(2)
    ]
    assert [rank.wait(timeout=600) for rank in ranks] == [0, 0]
    for rank in range(2):
        for name, tensor in torch.load(tmp_path / f'{rank}.pth').items():
            own = name.endswith(('weight', 'bias'))  # DDP keeps these equal
            assert torch.all(tensor == (5 + rank if own else 5)), name


def test_one_process_needs_no_group():
    model = nn.BatchNorm2d(3)
    BroadcastBuffersHook().before_val_epoch(SimpleNamespace(model=model))
    assert model.running_var.tolist() == [1, 1, 1]


def test_every_config_has_it():
    cfg = Config.fromfile(ROOT / 'configs' / '_base_' / 'default_runtime.py')
    assert cfg.default_hooks.buffers == dict(type='BroadcastBuffersHook')
