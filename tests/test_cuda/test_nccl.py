"""Two processes on two GPUs."""

import os
import subprocess
import sys

import pytest
import torch
from conftest import ROOT, free_port, read_checkpoint, tiny_run
from mmengine.config import Config

pytestmark = [pytest.mark.cuda, pytest.mark.skipif(
    torch.cuda.device_count() < 2, reason='needs two GPUs')]


def test_dist_train(voc_root, tmp_path):
    """With the shipped hooks and wrapper, frozen stages and channels_last."""
    base = Config.fromfile(ROOT / 'configs/_base_/default_runtime.py')
    cfg = Config(tiny_run(voc_root, tmp_path / 'run', max_iters=4))
    for key in ('env_cfg', 'model_wrapper_cfg', 'default_hooks'):
        cfg[key] = base[key]
    cfg.custom_hooks = base.custom_hooks + [dict(type='ChannelsLastHook')]
    cfg.model.backbone.frozen_stages = 1
    cfg.train_dataloader.pin_memory = True
    cfg.dump(tmp_path / 'run.py')
    path = os.pathsep.join([os.path.dirname(sys.executable),
                            os.environ['PATH']])
    done = subprocess.run(
        [str(ROOT / 'tools/dist_train.sh'), str(tmp_path / 'run.py'), '2',
         '--amp'], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=150,
        env=dict(os.environ, PATH=path, PORT=free_port()))
    assert done.returncode == 0, done.stdout[-3000:]
    assert 'GPU number: 2' in done.stdout
    assert 'Grad strides do not match' not in done.stdout
    weights = read_checkpoint(tmp_path / 'run/iter_4.pth')['state_dict']
    assert all(value.isfinite().all() for value in weights.values())
