"""A disk that fills up while a checkpoint is saved; a disk that is closed."""

import argparse
import errno
import os
import subprocess

import pytest
from conftest import ROOT, read_checkpoint, tiny_run
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_pseudoseg.checkpoint import find_damage


class Fill(Hook):
    """Leave 100 kB of a disk when iteration 3 begins."""

    def __init__(self, folder):
        self.filler = folder / 'filler'

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        """Fill it."""
        if batch_idx == 2:
            space = os.statvfs(self.filler.parent)
            size = space.f_bavail * space.f_frsize - 100_000
            self.filler.write_bytes(bytes(size))


class Refuse(Hook):
    """Let the third checkpoint find a full disk, at its half."""

    def __init__(self, patch):
        self.patch = patch

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        """Replace the last step of writing a file."""
        def fsync(number):
            os.ftruncate(number, os.fstat(number).st_size // 2)
            raise OSError(errno.ENOSPC, 'No space left on device')

        if batch_idx == 2:
            self.patch.setattr('os.fsync', fsync)


@pytest.fixture()
def disk(tmp_path):
    """A disk of 8 MB."""
    folder = tmp_path / 'disk'
    folder.mkdir()
    mounted = subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder],
        capture_output=True)
    if mounted.returncode:
        pytest.skip('mounting a small disk needs root')
    yield folder
    subprocess.run(['umount', '-l', folder], check=True)


def train_until_full(cfg, hook):
    """What a user sees, and what must be left."""
    runner = Runner(**cfg)
    runner.register_hook(hook)
    with pytest.raises(OSError) as error:
        runner.train()
    work_dir = cfg['work_dir']
    assert error.value.errno == errno.ENOSPC
    message = str(error.value)
    assert f'{work_dir}/iter_3.pth was not saved: No space left' in message
    assert 'MB are free there' in message and '--resume' in message
    assert {name for name in os.listdir(work_dir) if '.pth' in name} == {
        'iter_1.pth', 'iter_2.pth'}
    with open(f'{work_dir}/last_checkpoint') as file:
        assert file.read() == f'{work_dir}/iter_2.pth'
    assert find_damage(f'{work_dir}/iter_2.pth') is None


def test_full_disk(voc_root, tmp_path, disk):
    cfg = tiny_run(voc_root, disk / 'run')
    cfg['default_hooks']['checkpoint']['max_keep_ckpts'] = 2
    fill = Fill(disk)
    train_until_full(cfg, fill)
    fill.filler.unlink()  # make room, and continue
    cfg['train_cfg']['max_iters'] = 4
    cfg.update(resume=True, experiment_name='again')
    Runner(**cfg).train()
    last = read_checkpoint(disk / 'run' / 'iter_4.pth')
    assert last['meta']['iter'] == 4


def test_full_disk_without_one(voc_root, tmp_path, monkeypatch):
    cfg = tiny_run(voc_root, tmp_path / 'run')
    cfg['default_hooks']['checkpoint']['max_keep_ckpts'] = 2
    train_until_full(cfg, Refuse(monkeypatch))


@pytest.mark.parametrize('where', ['key', 'option', 'name'])
def test_unwritable_work_dir_is_named_at_once(tmp_path, monkeypatch, where):
    monkeypatch.syspath_prepend(ROOT / 'tools')
    import _cli
    (tmp_path / 'file').touch()  # nothing can be made below it, even by root
    bad = str(tmp_path / 'file' / 'run')
    config = tmp_path / 'config.py'
    config.write_text(f'work_dir = {bad!r}\n' if where == 'key' else '')
    if where == 'name':  # it would be work_dirs/config
        monkeypatch.chdir(tmp_path)
        (tmp_path / 'work_dirs').touch()
        bad = 'work_dirs/config'
    args = argparse.Namespace(
        config=str(config), cfg_options=None, launcher='none', local_rank=0,
        below='', work_dir=bad if where == 'option' else None)
    with pytest.raises(SystemExit, match=f'^work_dir={bad}: .*--work-dir'):
        _cli.load_config(args)
    if where == 'option':
        args.work_dir = str(tmp_path / 'new' / 'run')
        _cli.load_config(args)
        assert os.listdir(args.work_dir) == []  # the trial left nothing
