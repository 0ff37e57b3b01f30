"""Changed keys of a config are found without running it."""

import pytest
from conftest import ROOT
from mmengine.config import Config

from mmseg_pseudoseg.engine.config_changes import config_changes, read_leaves

OLD = '''
lr = 0.1
crop = (33, 33)
names = ['a', 'b']
optim = dict(type='SGD', groups=dict({'sgc.query': dict(decay=0.0)}))
pipeline = [dict(type='Load'), dict(type='Crop', size=(33, 33))]
work_dir = 'old'
resume = False
env_cfg = dict(dist_cfg=dict(backend='nccl'))
gone = -1
'''
NEW = '''
lr = 0.2
crop = (33, 33)
names = ['a', 'c']
optim = dict(type='SGD', groups=dict({'sgc.query': dict(decay=0.5)}))
pipeline = [dict(type='Load'), dict(type='Crop', size=(65, 33)), dict(a=1)]
work_dir = 'new'
resume = True
load_from = 'x.pth'
env_cfg = dict(dist_cfg=dict(backend='gloo'))
come = dict()
'''


def test_changes():
    assert config_changes(OLD, NEW) == [
        'lr: 0.1 -> 0.2', "names: ['a', 'b'] -> ['a', 'c']",
        'optim.groups.sgc.query.decay: 0.0 -> 0.5',
        'pipeline.1.size: (33, 33) -> (65, 33)',
        'pipeline.2.a: (not there) -> 1', 'come: (not there) -> dict()',
        'gone: -1 -> (not there)'
    ]
    assert config_changes(NEW, NEW) == []


@pytest.mark.parametrize('name', ['pseudoseg/voc_1_8.py',
                                  'small/pseudoseg_animals_1_16.py'])
def test_every_leaf_of_a_shipped_config_is_read(name):
    cfg = Config.fromfile(ROOT / 'configs' / name)
    leaves = read_leaves(cfg.pretty_text)
    assert leaves['optim_wrapper.optimizer.lr'] == repr(
        cfg.optim_wrapper.optimizer.lr)
    assert config_changes(cfg.pretty_text, cfg.pretty_text) == []

    def check(node, key):
        parts = node.items() if isinstance(node, dict) else enumerate(node)
        for name, value in parts:
            below = f'{key}.{name}' if key else str(name)
            if isinstance(value, dict) and value or isinstance(
                    value, (list, tuple)) and any(
                        isinstance(item, (dict, list)) for item in value):
                check(value, below)
            elif below in leaves:
                assert eval(leaves[below]) == value
            else:  # numbers below zero make a list of leaves
                assert f'{below}.0' in leaves

    check(cfg.to_dict(), '')


@pytest.mark.parametrize('text', ['open("mark", "w")', 'a = 1 +', '\0',
                                  'import os', 'a = ' + '(' * 9999])
def test_other_text_is_refused_and_not_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError):
        read_leaves(text)
    assert read_leaves('a = open("mark", "w")') == {
        'a': "open('mark', 'w')"}
    assert not (tmp_path / 'mark').exists()
