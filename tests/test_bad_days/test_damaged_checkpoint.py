"""A damaged or hostile checkpoint is refused, and the one before offered."""

import os
import shutil
import zipfile

import pytest
import torch
from conftest import (
    VOC_LISTS,
    read_checkpoint,
    tiny_model,
    tiny_run,
    write_voc,
)
from mmengine.config import Config
from mmengine.runner import CheckpointLoader, Runner, load_checkpoint
from mmseg.apis import init_model
from mmseg.registry import MODELS

from mmseg_pseudoseg.checkpoint import last_whole_checkpoint


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """Work dir of a run that saved iterations 1, 2 and 3."""
    root = tmp_path_factory.mktemp('damage')
    write_voc(root / 'VOC2012', VOC_LISTS)
    write_voc(root / 'VOC2012', VOC_LISTS, folder='SegmentationClassAug')
    Runner(**tiny_run(root / 'VOC2012', root / 'run', max_iters=3)).train()
    return root / 'run'


@pytest.fixture()
def work_dir(run, tmp_path):
    """A copy of the checkpoints, to be damaged."""
    for step in (1, 2, 3):
        shutil.copy(run / f'iter_{step}.pth', tmp_path)
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_3.pth'))
    return tmp_path


def flip(path, position, bit=0):
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= 1 << bit
    path.write_bytes(content)


def find_weights(path, name='decode_head.conv_seg.weight'):
    """Where the bytes of a weight are in the file."""
    weight = read_checkpoint(path)['state_dict'][name]
    position = path.read_bytes().find(weight.numpy().tobytes())
    assert position > 0
    return position


def damage(path, how):
    """Damage a file in a way that disks and copies do."""
    if how == 'weight':
        flip(path, find_weights(path) + 8, 6)
    elif how == 'cut':
        path.write_bytes(path.read_bytes()[:-1000])
    elif how == 'empty':
        path.write_bytes(b'')
    else:
        path.write_bytes(b'\0' * path.stat().st_size)


HOW = ['weight', 'cut', 'empty', 'zeros']


def test_torch_alone_would_take_the_flipped_weight(work_dir):
    # So the check finds something that nobody else does.
    path = work_dir / 'iter_3.pth'
    name = 'decode_head.conv_seg.weight'
    before = read_checkpoint(path)['state_dict'][name]
    damage(path, 'weight')
    after = read_checkpoint(path)['state_dict'][name]
    assert (before != after).sum() == 1


@pytest.mark.parametrize('how', HOW)
def test_resume_names_the_file_and_the_one_before(run, work_dir, how):
    damage(work_dir / 'iter_3.pth', how)
    damage(work_dir / 'iter_2.pth', 'weight')
    cfg = tiny_run(run.parent / 'VOC2012', work_dir, max_iters=4)
    with pytest.raises(RuntimeError) as error:
        Runner(**cfg, resume=True).train()
    message = str(error.value)
    assert message.startswith(f'{work_dir}/iter_3.pth was not loaded: ')
    assert message.endswith(f'pass --resume {work_dir}/iter_1.pth')
    cfg['experiment_name'] += how
    runner = Runner(**cfg, resume=True, load_from=f'{work_dir}/iter_1.pth')
    runner.train()
    assert runner.iter == 4


def test_what_is_offered(work_dir):
    third = str(work_dir / 'iter_3.pth')
    assert last_whole_checkpoint(third) == third
    assert last_whole_checkpoint(str(work_dir / 'iter_9.pth')) == third
    assert last_whole_checkpoint(str(work_dir / 'iter_0.pth')) is None
    assert last_whole_checkpoint(str(work_dir / 'best_3.pth')) is None
    assert last_whole_checkpoint(str(work_dir / 'none' / 'iter_3.pth')) is None
    assert last_whole_checkpoint('model.pth') is None
    for step in (1, 2, 3):
        damage(work_dir / f'iter_{step}.pth', 'weight')
    with pytest.raises(RuntimeError, match='There is no undamaged'):
        CheckpointLoader.load_checkpoint(third)


def test_compressed_archives_are_refused(work_dir):
    # Some megabytes of them may unpack to any amount of memory.
    path = work_dir / 'bomb.pth'
    with zipfile.ZipFile(work_dir / 'iter_1.pth') as source, \
            zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as target:
        for record in source.namelist():
            target.writestr(record, source.read(record))
    with pytest.raises(RuntimeError, match='bomb.pth.*compressed'):
        CheckpointLoader.load_checkpoint(str(path))


def test_the_text_of_a_config_is_not_run(run, work_dir):
    mark = work_dir / 'ran'
    path = work_dir / 'iter_1.pth'
    content = read_checkpoint(path)
    content['meta']['config'] = content['meta']['cfg'] = (
        f'a = open({str(mark)!r}, "w")')
    torch.save(content, path)
    cfg = tiny_run(run.parent / 'VOC2012', work_dir / 'new', max_iters=2)
    Runner(**cfg, resume=True, load_from=str(path)).train()
    assert not mark.exists()


class Bomb:
    """Pickles as a call of ``os.system``."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command, )


@pytest.mark.parametrize('way', ['resume', 'load_from', 'init_model', 'test',
                                 'init_cfg', 'load_checkpoint'])
def test_every_way_in_refuses_damage_and_code(run, work_dir, way):
    mark = work_dir / 'ran'
    bomb = work_dir / 'bomb.pth'
    torch.save(dict(state_dict={}, meta=Bomb(f'touch {mark}')), bomb)
    flipped = work_dir / 'iter_3.pth'
    damage(flipped, 'weight')
    cases = {flipped: 'check sum', bomb: 'posix.system'}
    for path, what in cases.items():
        cfg = tiny_run(run.parent / 'VOC2012', work_dir / way)
        cfg['experiment_name'] += path.stem
        with pytest.raises(RuntimeError, match=what) as error:
            if way in ('resume', 'load_from'):
                cfg.update(load_from=str(path), resume=way == 'resume')
                Runner(**cfg).train()
            elif way == 'test':
                loader = dict(dataset=cfg['train_dataloader']['dataset'],
                              sampler=dict(type='DefaultSampler'))
                cfg.update(load_from=str(path), test_dataloader=loader,
                           test_cfg=dict(), test_evaluator=[])
                Runner(**cfg).test()
            elif way == 'init_model':
                init_model(Config(dict(model=tiny_model())), str(path), 'cpu')
            elif way == 'init_cfg':
                backbone = dict(tiny_model()['backbone'], init_cfg=dict(
                    type='Pretrained', checkpoint=str(path)))
                MODELS.build(backbone).init_weights()
            else:
                load_checkpoint(torch.nn.Linear(1, 1), str(path))
        assert path.name in str(error.value)
    assert not mark.exists()
