"""Where torch refuses nothing, this unpickler does; any torch tests it."""

import collections
import os
import pickle
import subprocess

import numpy as np
import pytest
import torch
from conftest import read_checkpoint, tiny_run
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner

from mmseg_pseudoseg import restricted_pickle


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        """What the unpickler is to do."""
        return self.call


def read(path):
    """The file, as torch before 2.6 reads it in ``load_from_local``."""
    kwargs = dict(pickle_module=restricted_pickle)
    if 'weights_only' in torch.load.__code__.co_varnames:
        kwargs['weights_only'] = False
    return torch.load(path, **kwargs)


def test_a_checkpoint_of_a_run_is_read_whole(voc_root, tmp_path):
    Runner(**tiny_run(voc_root, tmp_path / 'run', max_iters=2)).train()
    path = tmp_path / 'run' / 'iter_2.pth'
    found, expected = read(path), read_checkpoint(path)
    assert found.keys() == expected.keys()
    for name, weight in expected['state_dict'].items():
        assert torch.equal(found['state_dict'][name], weight), name
    assert str(found['optimizer']) == str(expected['optimizer'])
    scalars = [content['message_hub']['log_scalars']
               for content in (found, expected)]
    assert scalars[0].keys() == scalars[1].keys() and scalars[0]
    for key, history in scalars[0].items():
        assert isinstance(history, HistoryBuffer)
        assert history.mean() == scalars[1][key].mean() or 'time' in key
        np.testing.assert_array_equal(history.data, scalars[1][key].data)


@pytest.mark.parametrize('content', [
    torch.arange(3, dtype=torch.bfloat16), torch.tensor([True]),
    torch.nn.Parameter(torch.ones(2)), np.float64(3), np.arange(4),
    collections.OrderedDict(a=1)])
@pytest.mark.parametrize('zipped', [True, False])
def test_what_weights_files_hold(tmp_path, content, zipped):
    torch.save(dict(x=content), tmp_path / 'x.pth',
               _use_new_zipfile_serialization=zipped)
    found = read(tmp_path / 'x.pth')['x']
    assert type(found) is type(content) and str(found) == str(content)


@pytest.mark.parametrize('name, bad', [
    ('system', Call(os.system, 'true')),
    ('eval', Call(eval, '1')),
    ('getoutput', Call(subprocess.getoutput, 'true')),
    ('fromkeys', Call(getattr, collections.OrderedDict, 'fromkeys')),
    ('__init__', Call(getattr, HistoryBuffer, '__init__')),
    ('Popen', subprocess.Popen),
])
@pytest.mark.parametrize('kind', ['archive', 'old archive', 'bare pickle'])
def test_anything_else_is_refused_by_name(tmp_path, name, bad, kind):
    path = tmp_path / 'bad.pth'
    if kind == 'bare pickle':  # torch unpickles the head of an old file
        path.write_bytes(pickle.dumps(bad, protocol=2))
    else:
        torch.save(dict(state_dict={}, extra=bad), path,
                   _use_new_zipfile_serialization=kind == 'archive')
    with pytest.raises((pickle.UnpicklingError, ValueError), match=name):
        read(path)
