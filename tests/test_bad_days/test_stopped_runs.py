"""Killed or pre-empted, and resumed: the weights of a run left alone."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from conftest import VOC_LISTS, write_voc
from trainer import (
    assert_same_training,
    end_of,
    finish,
    finish_two,
    launch,
    log_of,
    start,
    start_two,
    train,
    wait_for,
    write_config,
)

STOPPED = 143  # 128 + SIGTERM

# Which day it is: BAD_DAY=iteration kills RANK in the midst of iteration 4,
# =write when half of iter_4.pth is on the disk. =wait holds iteration 3 until
# the file "go" is there.
HOOK = '''
import os, signal, time
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

day, _, rank = os.environ.get('BAD_DAY', '').partition(':')
fsync = os.fsync

def die_half_way(fd):
    if 'iter_4.pth' in os.readlink(f'/proc/self/fd/{fd}'):
        os.ftruncate(fd, os.fstat(fd).st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(fd)

@HOOKS.register_module()
class BadDay(Hook):
    def before_train(self, runner):
        if day == 'write':
            os.fsync = die_half_way
        if day == 'iteration' and get_rank() == int(rank):
            runner.model.register_forward_hook(self.die)
        self.runner = runner

    def die(self, *_):
        if self.runner.iter == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if day == 'wait' and batch_idx == 2:
            folder = os.path.dirname(runner.work_dir)
            open(f'{folder}/waits_{get_rank()}', 'w')
            while not os.path.exists(f'{folder}/go'):
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
def whole(folder) -> Path:
    """The last checkpoint of a run that nothing happened to."""
    train(write_config(folder / 'VOC2012', folder / 'whole.py'))
    return folder / 'whole' / 'iter_6.pth'


@pytest.fixture(scope='module')
def whole_of_two(folder) -> Path:
    """The same, of two processes."""
    config = write_config(folder / 'VOC2012', folder / 'pair.py')
    finish_two(config, start_two(config))
    return folder / 'pair' / 'iter_6.pth'


def files(work_dir: Path) -> set:
    """Checkpoints and what might look like one, and the last."""
    last = Path((work_dir / 'last_checkpoint').read_text()).name
    return {f'last: {last}', *(path.name.replace(path.suffixes[-2], '.PID')
                               if path.suffix == '.unfinished' else path.name
                               for path in work_dir.glob('*.pth*'))}


def test_killed_in_an_iteration_and_in_a_write(folder, whole):
    # One checkpoint is kept: the moment of replacing it is the delicate one.
    config = write_config(folder / 'VOC2012', folder / 'killed.py', HOOK,
                          max_keep_ckpts=1)
    log = config.with_suffix('.log')
    for day in ('iteration:0', 'write'):
        process = start(config, log, '--resume', env=dict(BAD_DAY=day))
        finish(process, log, -signal.SIGKILL)
        expected = {'last: iter_2.pth', 'iter_2.pth'}
        if day == 'write':
            expected.add('iter_4.pth.PID.unfinished')
        assert files(folder / 'killed') == expected
    half, = (folder / 'killed').glob('*.unfinished')
    size = (folder / 'killed' / 'iter_2.pth').stat().st_size
    assert half.stat().st_size == pytest.approx(size / 2, rel=0.1)

    log = train(config, '--resume', 'auto')
    assert f'Removed {half}' in log
    assert 'goes on after iteration 2 of ' in log
    assert files(folder / 'killed') == {'last: iter_6.pth', 'iter_6.pth'}
    assert_same_training(folder / 'killed' / 'iter_6.pth', whole)


def test_killed_with_two_processes(folder, whole_of_two):
    config = write_config(folder / 'VOC2012', folder / 'shot.py', HOOK)
    two = start_two(config, env=dict(BAD_DAY='iteration:1'))
    finish(two[1], log_of(config, 1), -signal.SIGKILL)
    finish(two[0], log_of(config, 0), 1)  # gloo misses its peer
    assert files(folder / 'shot') == {'last: iter_2.pth', 'iter_2.pth'}

    # The second time rank 0 dies while it saves, below the launcher.
    log = end_of(launch(config, '--resume', BAD_DAY='write',
                        MAX_RESTARTS='0'), 1)
    assert 'rank      : 0 (local_rank: 0)' in log
    assert 'exitcode  : -9' in log and 'Signal 9 (SIGKILL)' in log
    assert files(folder / 'shot') == {
        'last: iter_2.pth', 'iter_2.pth', 'iter_4.pth.PID.unfinished'}

    logs = finish_two(config, start_two(config, '--resume'))
    assert 'goes on after iteration 2 of ' in logs[0]
    assert_same_training(folder / 'shot' / 'iter_6.pth', whole_of_two)


def test_preempted_with_its_workers(folder, whole):
    # A cluster signals the whole job: the workers of the loader as well.
    config = write_config(folder / 'VOC2012', folder / 'taken.py', HOOK)
    log = config.with_suffix('.log')
    process = start(config, log, env=dict(BAD_DAY='wait'))
    wait_for((folder / 'waits_0').exists, 'iteration 3')
    os.killpg(process.pid, signal.SIGTERM)
    (folder / 'go').touch()
    text = finish(process, log, STOPPED)
    assert 'stopped after iteration 3 of 6' in text
    assert files(folder / 'taken') == {'last: iter_3.pth', 'iter_2.pth',
                                       'iter_3.pth'}
    train(config, '--resume')
    assert_same_training(folder / 'taken' / 'iter_6.pth', whole)


def test_preempted_with_two_processes(folder, whole_of_two):
    # The signal reaches one rank alone, between two checkpoints.
    (folder / 'go').unlink(missing_ok=True)
    (folder / 'waits_0').unlink(missing_ok=True)
    config = write_config(folder / 'VOC2012', folder / 'called.py', HOOK,
                          interval=5)
    two = start_two(config, env=dict(BAD_DAY='wait'))
    wait_for((folder / 'waits_1').exists, 'iteration 3')
    os.kill(two[1].pid, signal.SIGTERM)
    (folder / 'go').touch()
    logs = finish_two(config, two, STOPPED)
    assert 'stopped after iteration 3 of 6' in logs[0]
    assert files(folder / 'called') == {'last: iter_3.pth', 'iter_3.pth'}
    finish_two(config, start_two(config, '--resume'))
    assert_same_training(folder / 'called' / 'iter_6.pth', whole_of_two)


def test_a_last_checkpoint_that_is_gone(folder, whole):
    config = write_config(folder / 'VOC2012', folder / 'moved.py')
    work_dir = folder / 'moved'
    work_dir.mkdir()
    (work_dir / 'last_checkpoint').write_text('gone/iter_6.pth')
    message = (f'--resume: {work_dir}/last_checkpoint names "gone/iter_6.pth"'
               ', which is not there. ')
    log = train(config, '--resume', code=1)
    assert f'{message}There is no undamaged checkpoint' in log
    shutil.copy(whole.with_name('iter_4.pth'), work_dir)
    log = train(config, '--resume', 'auto', code=1)
    assert f'{message}The last undamaged one there is ' in log
    option = f'--resume {work_dir}/iter_4.pth'
    assert log.rstrip().endswith(option)
    assert 'Advance dataloader 4 steps' in train(config, *option.split())


def test_an_unwritable_work_dir_ends_it_at_once(folder, whole):
    config = write_config(folder / 'VOC2012', folder / 'closed.py')
    log = train(config, '--work-dir', str(whole / 'below'), code=1)
    assert f'work_dir={whole}/below: nothing can be written there' in log
    assert 'Traceback' not in log
