"""What launch.py asks of torchrun, and how it ends."""

import importlib
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from benching import tools_path  # noqa: F401  (a fixture)
from torch.distributed import run as torchrun
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from mmseg_pseudoseg.engine.restarts import LAUNCHER


@pytest.fixture()
def launch(tools_path, monkeypatch):  # noqa: F811
    """The tool."""
    monkeypatch.setenv('TORCH_DISABLE_SHARE_RDZV_TCP_STORE', '1')
    monkeypatch.setenv(LAUNCHER, '')
    before = signal.getsignal(signal.SIGUSR1)
    yield importlib.import_module('launch')
    signal.signal(signal.SIGUSR1, before)


@pytest.fixture()
def parsed(launch, monkeypatch):
    """``parsed(**environment)``: what torchrun understands."""
    for name in ('NNODES', 'PORT', 'RDZV_ENDPOINT', 'RDZV_ID', 'NODE_RANK',
                 'MASTER_ADDR', 'MAX_RESTARTS', 'PYTHON_EXEC'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, 'argv', [
        'launch.py', '2', 'train.py', 'configs/a.py', '--amp'])

    def run(**env):
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        calls = []
        monkeypatch.setattr(torchrun, 'main', calls.append)
        launch.main()
        words, = calls
        return torchrun.config_from_args(torchrun.parse_args(words))

    return run


def test_one_machine_takes_a_free_port(parsed):
    config, _, words = parsed()
    assert (config.min_nodes, config.max_nodes, config.nproc_per_node) == (
        1, 1, 2)
    assert config.rdzv_backend == 'c10d' and config.max_restarts == 3
    assert config.rdzv_endpoint == 'localhost:0'
    assert config.local_addr == '127.0.0.1'
    assert words == ['-u', 'train.py', 'configs/a.py', '--amp']
    assert parsed()[0].run_id != config.run_id


def test_the_number_of_restarts(parsed):
    assert parsed(MAX_RESTARTS='0')[0].max_restarts == 0


def test_the_same_line_on_each_machine(parsed):
    configs = [parsed(NNODES='2', RDZV_ENDPOINT='host:1234')[0]
               for _ in range(2)]
    for config in configs:
        assert (config.min_nodes, config.max_nodes) == (2, 2)
        assert config.rdzv_endpoint == 'host:1234' and config.run_id == 'a'
        assert not config.local_addr and 'is_host' not in config.rdzv_configs
    assert parsed(RDZV_ID='job 7')[0].run_id == 'job 7'


@pytest.mark.parametrize('rank, host', [('0', 'True'), ('1', 'False')])
def test_the_old_variables_still_do(parsed, rank, host):
    env = dict(NNODES='2', MASTER_ADDR='there', NODE_RANK=rank)
    config = parsed(**env)[0]
    assert config.rdzv_endpoint == 'there:29500'
    assert config.rdzv_configs['is_host'] == host
    assert parsed(PORT='77')[0].rdzv_endpoint == 'there:77'


def test_the_old_port_on_one_machine(parsed):
    config = parsed(PORT='77', MASTER_ADDR='elsewhere', NODE_RANK='0')[0]
    assert config.rdzv_endpoint == 'localhost:77'


@pytest.mark.parametrize('env, message', [
    (dict(NNODES='2'), 'RDZV_ENDPOINT=HOST:PORT'),
    (dict(NNODES='1:4'), 'NNODES=1:4 is not a number of machines'),
    (dict(NNODES='0'), 'NNODES=0 is not')])
def test_what_cannot_work_is_refused(parsed, capsys, env, message):
    with pytest.raises(SystemExit, match='2'):
        parsed(**env)
    assert message in capsys.readouterr().err


def failed(code):
    """Processes that ended with a code."""
    one = SimpleNamespace(exitcode=code, timestamp=0, local_rank=0, pid=1,
                          error_file='<N/A>', message='why',
                          signal_name=lambda: 'SIGX',
                          timestamp_isoformat=lambda: 'now')
    return ChildFailedError('train.py', {0: one})


@pytest.mark.parametrize('error, code', [
    (SignalException('told', signal.SIGTERM), 143),
    (SignalException('told', signal.SIGINT), 130),
    (failed(143), 143), (failed(-15), 143), (failed(-9), 1), (failed(1), 1)])
def test_its_own_code_tells_how_it_ended(launch, monkeypatch, capsys, error,
                                         code):
    def fail(_):
        raise error

    monkeypatch.setattr(torchrun, 'main', fail)
    monkeypatch.setattr(sys, 'argv', ['launch.py', '2', 'train.py', 'a.py'])
    with pytest.raises(SystemExit) as end:
        launch.main()
    assert end.value.code == code
    assert ('rank      : 0' in capsys.readouterr().err) == isinstance(
        error, ChildFailedError)


def test_its_code_is_that_of_the_hook(launch):
    from mmseg_pseudoseg.engine.hooks.preemption_hook import STOPPED
    assert launch.STOPPED == STOPPED == 143
    assert Path(launch.__file__).name == 'launch.py'


def test_a_mistake_that_a_process_tells_ends_it(launch, monkeypatch):
    """Twice, as two processes do that make the same one."""
    def work(_):
        assert os.environ[LAUNCHER] == str(os.getpid())
        try:
            os.kill(os.getpid(), signal.SIGUSR1)
        finally:
            os.kill(os.getpid(), signal.SIGUSR1)

    monkeypatch.setattr(torchrun, 'main', work)
    monkeypatch.setattr(sys, 'argv', ['launch.py', '2', 'train.py', 'a.py'])
    with pytest.raises(SystemExit) as end:
        launch.main()
    assert end.value.code == 1
