"""What a start below torchrun decides from the files alone."""

import os
import signal

import pytest
import torch
from mmengine.config import Config

from mmseg_pseudoseg.engine.restarts import (
    LAUNCHER,
    end_for_good,
    may_restart,
    refuse_another_config,
    resume_of_launcher,
)


@pytest.fixture()
def agent(monkeypatch):
    """``agent(restarts, count)``: below torchrun; before that, not."""
    for name in ('MAX_RESTARTS', 'RESTART_COUNT'):
        monkeypatch.delenv(f'TORCHELASTIC_{name}', raising=False)

    def start(restarts, count=0):
        monkeypatch.setenv('TORCHELASTIC_MAX_RESTARTS', str(restarts))
        monkeypatch.setenv('TORCHELASTIC_RESTART_COUNT', str(count))

    return start


@pytest.fixture()
def begun(tmp_path):
    """A work dir with something to go on from."""
    (tmp_path / 'last_checkpoint').write_text('iter_2.pth')
    return str(tmp_path)


def test_without_a_launcher_nothing_goes_on_unasked(agent, begun):
    assert not may_restart()
    assert resume_of_launcher(None, begun) is None
    agent(restarts=0)
    assert not may_restart()
    assert resume_of_launcher(None, begun) is None


@pytest.mark.parametrize('count', [0, 1])
def test_first_starts_and_restarts_decide_alike(agent, begun, tmp_path, count):
    # A machine that takes a lost one's place begins to count at 0.
    agent(3, count)
    assert resume_of_launcher(None, begun) == 'auto'
    assert resume_of_launcher('auto', begun) == 'auto'
    assert resume_of_launcher(None, str(tmp_path / 'new')) is None
    assert resume_of_launcher('auto', str(tmp_path / 'new')) == 'auto'


def test_a_named_checkpoint_is_taken_once(agent, begun):
    for start in ((0, 0), (3, 0)):
        agent(*start)
        assert resume_of_launcher('a.pth', begun) == 'a.pth'
    agent(3, 1)
    with pytest.raises(SystemExit, match='--resume a.pth: a restart does'):
        resume_of_launcher('a.pth', begun)


def test_another_config_is_not_continued(tmp_path):
    cfg = Config(dict(lr=0.1, work_dir='a', resume=False, deep=dict(x=[1])))
    path = str(tmp_path / 'iter_2.pth')
    torch.save(dict(meta=dict(cfg=cfg.pretty_text)), path)
    cfg.update(work_dir='b', resume=True)
    refuse_another_config(path, cfg)
    cfg.deep.x = [2]
    with pytest.raises(SystemExit) as told:
        refuse_another_config(path, cfg)
    for part in (path, 'deep.x: [1] -> [2]', '--work-dir', '--resume',
                 'MAX_RESTARTS=0'):
        assert part in told.value.code
    assert 'work_dir: ' not in told.value.code


def test_a_checkpoint_that_tells_no_config(tmp_path):
    path = str(tmp_path / 'iter_2.pth')
    torch.save(dict(meta=dict(cfg='no config (')), path)
    with pytest.raises(SystemExit, match='its text cannot be read'):
        refuse_another_config(path, Config(dict(lr=0.1)))
    torch.save(dict(state_dict={}), path)
    with pytest.raises(SystemExit, match='lr: .not there. -> 0.1'):
        refuse_another_config(path, Config(dict(lr=0.1)))


@pytest.fixture()
def told(monkeypatch):
    """Signals that the launcher gets."""
    told = []
    monkeypatch.setenv(LAUNCHER, str(os.getppid()))
    monkeypatch.setattr(os, 'kill', lambda *args: told.append(args))
    return told


def fail_with(error):
    """A tool that fails."""
    def main():
        raise error

    return main


@pytest.mark.parametrize('error', [
    KeyError('unsup_strat'), SystemExit('--work-dir: no'),
    FloatingPointError('NaN'), FileNotFoundError('data/VOC2012')])
def test_a_mistake_is_told_once(told, capsys, error):
    with pytest.raises(SystemExit) as end:
        end_for_good(fail_with(error))
    assert end.value.code == 1
    assert str(error) in capsys.readouterr().err
    assert told == [(os.getppid(), signal.SIGUSR1)]


@pytest.mark.parametrize('error', [
    RuntimeError('NCCL'), ConnectionResetError(), MemoryError(),
    SystemExit(143)])
def test_what_may_pass_is_left_to_torchrun(told, error):
    with pytest.raises(type(error)) as raised:
        end_for_good(fail_with(error))
    assert raised.value is error and not told


def test_another_launcher_is_not_signalled(told, monkeypatch):
    for other in ('', '1'):
        monkeypatch.setenv(LAUNCHER, other)
        with pytest.raises(SystemExit):
            end_for_good(fail_with(KeyError('a')))
    assert not told
    assert end_for_good(lambda: None) is None
