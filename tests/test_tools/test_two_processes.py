"""The documented command for two processes, on the recipe for small machines.

Case 01 of the shared cases: its backbone freezes in ``train()``.
"""

import importlib
import sys

import pytest
from conftest import free_port, write_scenes
from mmengine.config import Config
from mmengine.runner import CheckpointLoader
from tiny import ROOT, TOOLS, run
from torch import distributed

SMALL = 'configs/small/pseudoseg_animals_1_16.py'
OURS = 'FrozenFirstDistributedDataParallel'


def test_dist_train_small(tmp_path):
    cfg = Config.fromfile(ROOT / SMALL)
    parts = cfg.train_dataloader.dataset
    root = tmp_path / 'animals'
    for part, number in ((parts.labeled, 4), (parts.unlabeled, 12),
                         (cfg.val_dataloader.dataset, 2)):
        ids = [f'2007_{number:03d}{k:03d}' for k in range(number)]
        write_scenes(ids, f'{root}/{part.data_prefix.img_path}/{{}}.jpg',
                     f'{root}/{part.data_prefix.seg_map_path}/{{}}.png', 7)
        (root / part.ann_file).parent.mkdir(parents=True, exist_ok=True)
        (root / part.ann_file).write_text('\n'.join(ids) + '\n')
    log = run(
        TOOLS / 'dist_train.sh', ROOT / SMALL, 2, '--work-dir', tmp_path / 'w',
        '--cfg-options', 'env_cfg.dist_cfg.backend=gloo',
        'train_cfg.max_iters=3', 'train_cfg.val_interval=3',
        'train_dataloader.batch_size=4', 'model.unsup_start=1',
        *(f'{key}.data_root={root}' for key in (
            'train_dataloader.dataset.labeled',
            'train_dataloader.dataset.unlabeled', 'val_dataloader.dataset')),
        cwd=tmp_path, env=dict(PORT=free_port()))
    assert 'mIoU' in log
    assert 'Grad strides do not match' not in log
    found = CheckpointLoader.load_checkpoint(str(tmp_path / 'w/iter_3.pth'))
    assert found['meta']['iter'] == 3


@pytest.fixture()
def cli(monkeypatch):
    monkeypatch.setattr(sys, 'path', [str(TOOLS), *sys.path])
    monkeypatch.setattr(distributed, 'init_process_group', lambda *_, **__: 0)
    return importlib.import_module('_cli')


@pytest.mark.parametrize('keys, expected', [
    ({}, dict(type=OURS, device_ids=None)),
    (dict(find_unused_parameters=True),
     dict(type=OURS, device_ids=None, find_unused_parameters=True)),
    (dict(model_wrapper_cfg=dict(static_graph=True)),
     dict(type=OURS, device_ids=None, static_graph=True)),
    (dict(model_wrapper_cfg=dict(type='MMDistributedDataParallel')),
     dict(type='MMDistributedDataParallel', device_ids=None)),
    (dict(model_wrapper_cfg=dict(type='MMFullyShardedDataParallel')),
     dict(type='MMFullyShardedDataParallel')),
])
def test_the_wrapper_of_a_config(cli, keys, expected):
    """A stock config gets ours; what a config says stays."""
    cfg = Config(dict(env_cfg=dict(dist_cfg=dict(backend='gloo')), **keys))
    cli.choose_wrapper(cfg)
    cli.join_processes_on_cpu(cfg)
    assert cfg.model_wrapper_cfg == expected
