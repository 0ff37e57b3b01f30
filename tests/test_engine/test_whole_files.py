"""Checkpoints appear whole; other files are written as before."""

import os
from pathlib import Path

import pytest
import torch
from mmengine.fileio import LocalBackend, get_file_backend, put
from mmengine.runner import save_checkpoint

from mmseg_pseudoseg.engine import WholeFileBackend, write_whole


@pytest.fixture()
def renamed(monkeypatch):
    """The files that were complete when they got their name."""
    stock, renamed = os.replace, []

    def replace(source, target):
        renamed.append((Path(target).name, Path(source).read_bytes()))
        assert Path(source).parent == Path(target).parent
        stock(source, target)

    monkeypatch.setattr(os, 'replace', replace)
    return renamed


def test_plain_paths_are_written_by_it():
    assert type(get_file_backend('a/b.pth')) is WholeFileBackend
    assert issubclass(WholeFileBackend, LocalBackend)


def test_checkpoints_of_any_name_are_renamed(tmp_path, renamed):
    path = tmp_path / 'new' / 'weights.any'
    for value in (1, 2):
        save_checkpoint(dict(a=torch.tensor(value)), str(path))
        assert torch.load(path)['a'] == value
    assert [name for name, _ in renamed] == ['weights.any'] * 2
    assert renamed[1][1] == path.read_bytes()
    assert os.listdir(path.parent) == ['weights.any']


def test_other_files_are_not(tmp_path, renamed):
    put(b'text', tmp_path / 'a.txt')
    assert (tmp_path / 'a.txt').read_bytes() == b'text' and not renamed


def test_devices_and_links_stay(tmp_path):
    with open(tmp_path / 'copy', 'wb') as file:
        save_checkpoint(dict(a=1), f'/dev/fd/{file.fileno()}')
    assert torch.load(tmp_path / 'copy') == dict(a=1)
    save_checkpoint(dict(a=1), os.devnull)
    assert not os.path.isfile(os.devnull)
    (tmp_path / 'link').symlink_to(tmp_path / 'target')
    write_whole(str(tmp_path / 'link'), b'new')
    assert (tmp_path / 'link').is_symlink()
    assert (tmp_path / 'target').read_bytes() == b'new'


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / 'none' / 'iter_1.pth'
    with pytest.raises(FileNotFoundError, match=f'{path} was not saved: No '
                       'such file'):
        write_whole(str(path), b'x')
