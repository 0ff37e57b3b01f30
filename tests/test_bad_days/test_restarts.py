"""``tools/dist_train.sh`` goes on by itself, or by the same command."""

import os
import signal
from pathlib import Path
from typing import List

import pytest
from conftest import VOC_LISTS, write_voc
from trainer import (
    assert_same_training,
    end_of,
    launch,
    wait_for,
    write_config,
)

# BAD_DAY=kill kills rank 1 in the midst of iteration 4, once. =wait holds
# iteration 3 until the file "go" is there. Each start writes its process ids.
HOOK = '''
import os, signal, time
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

day = os.environ.get('BAD_DAY')

@HOOKS.register_module()
class BadDay(Hook):
    def before_train(self, runner):
        self.runner = runner
        again = os.environ['TORCHELASTIC_RESTART_COUNT'] != '0'
        if day == 'kill' and get_rank() == 1 and not again:
            runner.model.register_forward_hook(self.die)

    def die(self, *_):
        if self.runner.iter == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if day == 'wait' and batch_idx == 2:
            with open(f'{runner.work_dir}/waits_{get_rank()}', 'w') as file:
                file.write(str(os.getpid()))
            while not os.path.exists(f'{runner.work_dir}/go'):
                time.sleep(0.01)
'''


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """A toy VOC, for all runs of this file."""
    folder = tmp_path_factory.mktemp('runs')
    write_voc(folder / 'VOC2012', VOC_LISTS)
    write_voc(folder / 'VOC2012', VOC_LISTS, folder='SegmentationClassAug')
    return folder


@pytest.fixture(scope='module')
def last(folder) -> List[Path]:
    """The last checkpoints of a run that a process was lost of, and of one
    that nothing happened to: the same command, side by side.
    """
    configs = [write_config(folder / 'VOC2012', folder / f'{name}.py', HOOK)
               for name in ('lost', 'whole')]
    lost, whole = launch(configs[0], BAD_DAY='kill'), launch(configs[1])
    log = end_of(lost)
    assert 'failed (exitcode: -9) local_rank: 1' in log
    assert log.count('goes on after iteration 2 ') == 1
    assert 'resume' not in end_of(whole)
    return [folder / name / 'iter_6.pth' for name in ('lost', 'whole')]


def test_a_lost_process_changes_nothing(last):
    assert_same_training(*last)


def test_a_preempted_run_and_the_same_command(folder, last):
    config = write_config(folder / 'VOC2012', folder / 'taken.py', HOOK,
                          interval=5)
    launcher = launch(config, BAD_DAY='wait')
    waits = [folder / 'taken' / f'waits_{rank}' for rank in (0, 1)]
    wait_for(lambda: all(path.exists() and path.read_text()
                         for path in waits), 'iteration 3')
    # Kubernetes signals the launcher, which signals the processes; SLURM all
    # of them, so that some are told twice.
    for pid in (int(waits[0].read_text()), launcher.pid):
        os.kill(pid, signal.SIGTERM)
    (folder / 'taken' / 'go').touch()
    log = end_of(launcher, 143)
    assert 'stopped after iteration 3 of 6' in log
    assert 'Traceback' not in log
    assert 'goes on after iteration 3 ' in end_of(launch(config))
    assert_same_training(folder / 'taken' / 'iter_6.pth', last[1])
