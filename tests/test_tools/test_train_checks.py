"""train.py refuses a config with the words of check_data.py."""

from pathlib import Path

import pytest
from benching import tools_path  # noqa: F401  (a fixture)
from conftest import write_scenes
from mmengine.config import Config
from test_check_data import check  # noqa: F401  (a fixture)
from test_run import call  # noqa: F401  (a fixture)
from tiny import ROOT

OWN = dict(
    data_root='my_data', ann_file='',
    metainfo=dict(classes=('background', 'box', 'disc'), palette=[]))


@pytest.fixture()
def own(tmp_path, monkeypatch):
    """docs/own_data.md's config over six made images, run from its folder."""
    data = tmp_path / 'my_data'
    for folder, names in (('', 'abcd'), ('val/', 'ef'), ('new/', 'ghij')):
        write_scenes(list(names), str(data / f'{folder}images/{{}}.jpg'),
                     str(data / f'{folder}masks/{{}}.png'), 3, 150)
    cfg = Config.fromfile(ROOT / 'configs/small/pseudoseg_animals_1_16.py')
    masks = dict(data_prefix=dict(img_path='images', seg_map_path='masks'))
    dataset = cfg.train_dataloader.dataset
    dataset.labeled.update(OWN, **masks)
    dataset.unlabeled.update(OWN, data_prefix=dict(img_path='new/images'))
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.update(OWN, data_prefix=dict(
            img_path='val/images', seg_map_path='val/masks'))
    cfg.train_dataloader.update(
        batch_size=4, num_workers=0, persistent_workers=False)
    cfg.train_dataloader.batch_sampler.source_ratio.unlabeled = 1
    cfg.model.decode_head.num_classes = 3
    cfg.train_cfg.update(max_iters=1, val_interval=1)
    monkeypatch.chdir(tmp_path)
    return cfg


def refused(cfg, call) -> str:  # noqa: F811
    cfg.dump('own.py')
    with pytest.raises(SystemExit) as end:
        call('train.py', 'own.py')
    return str(end.value.code)


def test_a_forgotten_crop(own, call, check):  # noqa: F811
    """Both tools name both keys, before a file is opened."""
    for part in ('labeled', 'unlabeled'):
        for step in own.train_dataloader.dataset[part].pipeline:
            if step.type == 'RandomCrop':
                step.crop_size = (257, 257)
    lines = [line for line in refused(own, call).splitlines()
             if 'RandomCrop' in line]
    assert len(lines) == 2
    assert 'RandomCrop.crop_size: is (257, 257)' in lines[0]
    assert 'model.data_preprocessor.size is (145, 145)' in lines[0]
    assert set(lines) <= set(check(own, code=1)['printed'].splitlines())


def test_another_backbone(own, call, check):  # noqa: F811
    """ResNet-18: torch's error becomes keys and values."""
    own.model.backbone = dict(type='ResNet', depth=18, norm_eval=True,
                              frozen_stages=4)
    own.model.joint_pass = False
    lines = refused(own, call).splitlines()
    assert [line.partition(': ')[2] for line in lines] == [
        'set model.decode_head.in_channels=512',
        'set model.decode_head.c1_in_channels=64',
        'set model.sgc_head.in_channels=(256, 512)']
    said = [f'{f["where"]} {f["text"]}: {f["remedy"]}'
            for f in check(own, code=1)['findings']]
    assert set(lines) <= set(said)


def test_one_image_of_each_part(own, call):  # noqa: F811
    own.train_dataloader.batch_size = 2
    own.model.decode_head.norm_cfg = dict(type='BN')
    assert 'train_dataloader.batch_size=4' in refused(own, call)


def test_a_warning_does_not_stop(own, call):  # noqa: F811
    (own.train_dataloader.dataset)['tag_file'] = 'tags.txt'
    with open('my_data/tags.txt', 'w') as file:
        file.writelines(f'{name}\n' for name in 'ghij')
    own.dump('own.py')
    call('train.py', 'own.py')
    log, = Path('work_dirs/own').glob('*/*.log')
    assert 'WARNING - train_dataloader.dataset.tag_file: is set, but the ' \
        'tags are not used' in log.read_text()
