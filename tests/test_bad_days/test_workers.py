"""A worker of a data loader that the system kills."""

import os
import signal

import pytest
from conftest import tiny_run
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset, get_worker_info

from mmseg_pseudoseg.datasets import CutOut
from mmseg_pseudoseg.engine.failures import explain_failures


class Deadly(Dataset):
    """Its first item kills the process that loads it."""

    def __init__(self, how):
        self.how = how

    def __len__(self):
        return 4

    def __getitem__(self, index):
        """Die, where it is a worker."""
        os.kill(os.getpid(), self.how)


@pytest.mark.parametrize('how, remedies', [
    (signal.SIGKILL, ['killed', 'memory', 'train_dataloader.num_workers',
                      'train_dataloader.prefetch_factor', '--resume',
                      'persistent_workers', 'crops']),
    (signal.SIGBUS, ['/dev/shm', '--shm-size', 'num_workers']),
    (signal.SIGABRT, ['crashed (Aborted)', 'num_workers=0']),
])
def test_the_signal_decides_on_the_remedy(how, remedies):
    loader = DataLoader(Deadly(how), num_workers=1)
    with pytest.raises(RuntimeError) as error:
        explain_failures(lambda: list(loader))
    message = str(error.value)
    for remedy in remedies:
        assert remedy in message
    assert 'worker, pid ' in message
    assert 'DataLoader worker' in str(error.value.__cause__)


def test_a_worker_that_dies_in_training(voc_root, tmp_path, monkeypatch):
    def die(self, results):
        assert get_worker_info() is not None
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(CutOut, 'transform', die)
    runner = Runner(**tiny_run(voc_root, tmp_path / 'run', num_workers=1))
    with pytest.raises(RuntimeError, match='was killed, most likely by the '
                       'operating system for want of memory'):
        explain_failures(runner.train)


def test_an_error_inside_a_worker_is_left_alone(voc_root, tmp_path):
    runner = Runner(**tiny_run(voc_root, tmp_path / 'run', num_workers=1))
    (voc_root / 'JPEGImages' / '2007_000001.jpg').unlink()
    with pytest.raises(FileNotFoundError, match='2007_000001'):
        explain_failures(runner.train)
