"""What an import does on machines that lack something."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]

# As if a package were not installed: no finder knows it.
HIDE = '''
import sys

class Hidden:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {hidden!r}:
            return None
        return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [Hidden(finder) for finder in sys.meta_path]
'''


def run(code, *hidden, path=()):
    """Run code in a fresh interpreter, from the checkout."""
    code = HIDE.format(hidden=hidden) + code
    paths = [*map(str, path), str(ROOT)]
    return subprocess.run(
        [sys.executable, '-c', f'import sys\nsys.path[:0] = {paths}\n{code}'],
        capture_output=True, text=True, cwd=ROOT / 'tests')


def test_without_mmseg_it_says_what_to_install():
    result = run('import mmseg_pseudoseg', 'mmseg')
    assert result.returncode != 0
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith('ImportError: mmseg_pseudoseg needs MMSegm')
    assert 'pip install "mmseg-pseudoseg[openmmlab]"' in last


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_a_tool_hardly_collects_garbage_while_it_imports(tool):
    """It would look hundreds of times, and is on again later."""
    result = run('import argparse, gc\n'  # what comes before _cli
                 'seen = []\n'
                 'gc.callbacks.append(lambda *args: seen.append(args))\n'
                 f'import {tool}\n'
                 'print(len(seen), gc.isenabled())', path=[ROOT / 'tools'])
    calls, enabled = result.stdout.split()[-2:]
    assert int(calls) < 50, result.stderr  # 2000 otherwise
    assert enabled == 'True'


def test_what_only_draws_is_not_imported():
    """Half a second of what draws nothing, unless MMEngine draws."""
    result = run('import mmseg_pseudoseg\n'
                 "print('matplotlib.figure' in sys.modules)")
    assert result.stdout.split()[-1:] == ['False'], result.stderr


def test_everything_is_registered_in_mmseg():
    names = dict(
        MODELS=['SemiSegmentor', 'CascadeSemiSegmentor', 'SGCHead',
                'CalibratedFusion', 'SoftCrossEntropyLoss',
                'MultiBranchDataPreprocessor'],
        DATASETS=['SemiDataset'], DATA_SAMPLERS=['MultiSourceBatchSampler'],
        TRANSFORMS=['LoadBlankAnnotations', 'MultiBranch', 'ColorJitter',
                    'CutOut', 'CheckAnnotations', 'ImageLabelsFromMask',
                    'PackSemiInputs'],
        HOOKS=['CheckLossHook', 'ChannelsLastHook',
               'ReproducibleResumeHook'],
        MODEL_WRAPPERS=['FrozenFirstDistributedDataParallel'])
    result = run('import mmseg_pseudoseg\n'
                 'from mmseg import registry\n'
                 f'for kind, names in {names}.items():\n'
                 '    for name in names:\n'
                 '        got = getattr(registry, kind).get(name)\n'
                 '        assert got.__module__.split(".")[0] == '
                 '"mmseg_pseudoseg", name\n'
                 'from mmengine.registry import FUNCTIONS\n'
                 'assert FUNCTIONS.get("multi_branch_collate")\n'
                 'print("all there")')
    assert result.stdout.strip().endswith('all there'), result.stderr


# Runs the module alone: the package's own import would bring mmseg along.
OPS = f'''
import importlib.util
import warnings
spec = importlib.util.spec_from_file_location(
    'ops', {str(ROOT / 'mmseg_pseudoseg' / 'torchvision_ops.py')!r})
ops = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ops)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter('always')
    ops.import_torchvision()
found = [str(w.message) for w in caught if 'torchvision' in str(w.message)]
print(len(found), *found)
'''


@pytest.fixture()
def fake(tmp_path):
    """Write a package named torchvision; returns the folder it is in."""

    def write(body):
        package = tmp_path / 'torchvision'
        package.mkdir()
        (package / 'part.py').write_text(body)
        (package / '__init__.py').write_text(
            "__version__ = '0.99'\nfrom . import part\n")
        return tmp_path

    return write


NEEDS_SCHEMAS = '''
import torch
for name in ('nms', 'qnms'):
    @torch.library.register_fake('torchvision::' + name)
    def shape(dets, scores, iou_threshold):
        return torch.zeros(0)
'''


@pytest.mark.skipif(
    not hasattr(torch.library, 'register_fake'),
    reason='this torch has no register_fake, nor its torchvision')
def test_missing_operators_are_declared(fake):
    result = run(
        OPS + 'import torch, torchvision.part\n'
        'try:\n'
        '    torch.ops.torchvision.nms(torch.zeros(1, 4), torch.ones(1), .5)\n'
        'except NotImplementedError:\n'
        '    print("calling fails")\n', path=[fake(NEEDS_SCHEMAS)])
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith('1 the compiled operators of torchvision '
                                    '0.99 do not load beside torch')
    assert result.stdout.strip().endswith('calling fails')


def test_other_errors_pass_through(fake):
    path = fake("raise RuntimeError('the driver is on fire')")
    result = run(OPS, path=[path])
    assert result.returncode != 0
    assert result.stderr.strip().endswith(
        'RuntimeError: the driver is on fire')


@pytest.mark.parametrize('hidden', [(), ('torchvision', )])
def test_absent_or_working_torchvision_is_left_alone(fake, hidden):
    result = run(OPS + 'assert not ops._libraries', *hidden,
                 path=[fake('value = 1')])
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == '0'
