"""Checkpoints load with ``weights_only`` left on; foreign objects do not."""

import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
import torch
from conftest import refuses, tiny_model, tiny_run
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader, Runner, load_checkpoint
from mmseg.apis import init_model

from mmseg_pseudoseg.checkpoint import (
    allow_mmengine_checkpoints,
    history_attribute,
)


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        """What the unpickler is to do."""
        return self.call


@pytest.fixture()
def checkpoint(voc_root, tmp_path):
    """What a real run saved, with optimizer, schedule and message hub."""
    cfg = tiny_run(voc_root, tmp_path / 'run', max_iters=2)
    Runner(**cfg).train()
    return tmp_path / 'run' / 'iter_2.pth'


@refuses
def test_own_checkpoint_loads_with_weights_only(checkpoint):
    content = torch.load(checkpoint, weights_only=True)
    assert set(content) >= {'state_dict', 'optimizer', 'message_hub',
                            'param_schedulers', 'meta'}
    history = content['message_hub']['log_scalars']['train/loss']
    assert isinstance(history, HistoryBuffer)
    assert np.isfinite(history.mean()) and len(history.data[0]) == 2


def test_init_model_and_resume_take_it(checkpoint, voc_root, tmp_path):
    cfg = Config(dict(model=tiny_model(), default_scope='mmseg'))
    model = init_model(cfg, str(checkpoint), device='cpu')
    saved = CheckpointLoader.load_checkpoint(str(checkpoint))['state_dict']
    for name, value in model.state_dict().items():
        assert torch.equal(value, saved[name]), name
    assert len(model.dataset_meta['classes']) == 21
    again = tiny_run(voc_root, tmp_path / 'again', max_iters=3)
    again.update(resume=True, load_from=str(checkpoint))
    runner = Runner(**again)
    runner.train()
    assert runner.iter == 3


def test_without_the_allow_list_it_is_refused(checkpoint):
    # Shows that the list is what makes the tests above pass.
    code = ('import sys, torch, mmengine\n'
            'torch.load(sys.argv[1], weights_only=True)')
    result = subprocess.run([sys.executable, '-c', code, str(checkpoint)],
                            capture_output=True, text=True)
    assert result.returncode != 0
    assert 'HistoryBuffer' in result.stderr or 'getattr' in result.stderr


@refuses
def test_protection_is_on_by_default(tmp_path):
    mark = tmp_path / 'ran'
    path = tmp_path / 'bad.pth'
    torch.save(dict(state_dict={}, meta=Call(os.system, f'touch {mark}')),
               path)
    with pytest.raises(pickle.UnpicklingError, match='system'):
        torch.load(path)
    assert not mark.exists()


def test_statistics_resolve_and_nothing_else():
    for name in ('mean', 'max', 'min', 'current'):
        assert history_attribute(HistoryBuffer, name) is getattr(
            HistoryBuffer, name)
    for owner, name in ((HistoryBuffer, '__init__'),
                        (HistoryBuffer, '__globals__'),
                        (HistoryBuffer, 'register_statistics'),
                        (HistoryBuffer(), 'mean'), (os, 'system'),
                        (OrderedDict, 'mean')):
        with pytest.raises(ValueError, match='no MMEngine checkpoint'):
            history_attribute(owner, name)


FOREIGN = {
    'system': Call(os.system, 'true'),
    'eval': Call(eval, '1 + 1'),
    'popen': Call(subprocess.getoutput, 'true'),
    'fromkeys': Call(getattr, OrderedDict, 'fromkeys'),
    '__init__': Call(getattr, HistoryBuffer, '__init__'),
    'Path': __import__('pathlib').PurePosixPath('a'),
}
NAMED = dict(popen='getoutput', Path='pathlib')


@pytest.mark.parametrize(
    'way, name', [('load_checkpoint', name) for name in FOREIGN] +
    [('init_model', 'eval'), ('runner', 'eval')])
def test_foreign_objects_are_refused_by_file_and_name(voc_root, tmp_path,
                                                      way, name):
    path = str(tmp_path / 'foreign.pth')
    torch.save(dict(state_dict={}, meta=dict(extra=FOREIGN[name])), path)
    with pytest.raises(RuntimeError) as error:
        if way == 'load_checkpoint':
            load_checkpoint(torch.nn.Linear(1, 1), path)
        elif way == 'init_model':
            init_model(Config(dict(model=tiny_model())), path, device='cpu')
        else:
            cfg = tiny_run(voc_root, tmp_path / 'run')
            cfg.update(load_from=path)
            Runner(**cfg).train()
    message = str(error.value)
    assert 'foreign.pth' in message
    assert NAMED.get(name, name) in message
    assert 'set to `False`' not in message  # torch's advice


@pytest.fixture()
def served(tmp_path, monkeypatch):
    """URL of a folder that an HTTP server hands out; the cache is empty."""
    folder = tmp_path / 'served'
    folder.mkdir()
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    with ThreadingHTTPServer(('127.0.0.1', 0), partial(
            SimpleHTTPRequestHandler, directory=folder)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


def test_no_code_runs_wherever_the_file_comes_from(tmp_path, served):
    folder, url = served
    mark = tmp_path / 'ran'
    evil = dict(state_dict={}, meta=Call(os.system, f'touch {mark}'))
    torch.save(evil, folder / 'evil.pth')
    (folder / 'bare.pth').write_bytes(pickle.dumps(evil))
    for name in ('evil.pth', 'bare.pth'):
        for path in (f'{folder}/{name}', f'{url}/{name}'):
            with pytest.raises(RuntimeError, match='was not loaded'):
                load_checkpoint(torch.nn.Linear(1, 1), path)
    assert not mark.exists()
    os.system(f'touch {mark}')  # it would have
    assert mark.exists()


def test_a_url_is_fetched_once_and_a_missing_one_told(served):
    folder, url = served
    torch.save(dict(state_dict=dict(w=torch.ones(2))), folder / 'good.pth')
    for _ in range(2):
        found = CheckpointLoader.load_checkpoint(f'{url}/good.pth')
        assert found['state_dict']['w'].tolist() == [1, 1]
        (folder / 'good.pth').unlink(missing_ok=True)
    with pytest.raises(RuntimeError, match='no.pth could not be downloaded.*'
                       'put the file at .*hub/checkpoints/no.pth'):
        CheckpointLoader.load_checkpoint(f'{url}/no.pth')


@refuses
def test_allowing_twice_is_harmless(checkpoint):
    allow_mmengine_checkpoints()
    torch.load(checkpoint, weights_only=True)
