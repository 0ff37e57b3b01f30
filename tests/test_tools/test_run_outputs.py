"""Where the tools write: their work dirs, and the masks of test.py."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from mmengine.config import Config
from mmengine.utils import import_modules_from_strings
from mmseg.evaluation import CityscapesMetric
from tiny import TOOLS


@pytest.fixture()
def load(monkeypatch):
    """``load(name)``: the module of ``tools/NAME``."""

    def load_tool(name: str) -> ModuleType:
        path = TOOLS / name
        for folder in {TOOLS, path.parent}:
            monkeypatch.syspath_prepend(str(folder))
        return import_modules_from_strings(path.stem)

    return load_tool


@pytest.mark.parametrize('own', [None, 'there'])
@pytest.mark.parametrize('name, below, words', [
    ('train.py', '', []),
    ('test.py', 'test', ['x.pth']),
    ('generate_pseudo_labels.py', 'labels', ['x.pth', '--list', 'x.txt']),
    ('analysis_tools/confusion_matrix.py', 'confusion_matrix', ['x.pth'])])
def test_only_training_works_in_the_work_dir_itself(
        load, monkeypatch, tmp_path, name, below, words, own):
    """The others have a folder there, unless another one is given."""
    monkeypatch.chdir(tmp_path)
    Config(dict(work_dir=own)).dump('c.py')
    module = load(name)
    for given in ([], ['--work-dir', 'given']):
        monkeypatch.setattr(sys, 'argv', [name, 'c.py', *words, *given])
        work_dir = Path(module.load_config(module.parse_args()).work_dir)
        assert work_dir == (Path('given') if given else Path(
            own or 'work_dirs/c', below))
        assert work_dir.is_dir()


@pytest.mark.parametrize('kind', [
    'CityscapesMetric', 'mmseg.CityscapesMetric', CityscapesMetric])
def test_the_benchmarks_metric_writes_its_own_ids(load, kind):
    """Once: no hook writes the others beside them."""
    other = dict(type='CalibrationMetric')
    for one in (False, True):
        metric = dict(type=kind, output_dir='there')
        cfg = Config(dict(work_dir='w', test_evaluator=metric if one else [
            other, metric]))
        hook = load('test.py').saving_hook(cfg, 'out', 'show')
        assert hook.mask_dir is None and hook.picture_dir == Path('w/show')
        saved = dict(type=kind, output_dir='out', keep_results=True)
        assert cfg.test_evaluator == (saved if one else [other, saved])


@pytest.mark.parametrize('evaluator', [
    [], dict(type='CalibrationMetric'), dict(type='IoUMetric')])
@pytest.mark.parametrize('show, pictures', [
    (None, None), ('pictures', 'w/pictures'), ('/abs/p', '/abs/p')])
def test_any_metric_does_for_masks_and_pictures(load, evaluator, show,
                                                pictures):
    """Pictures lie in the work dir, masks where the user says."""
    cfg = Config(dict(work_dir='w', test_evaluator=evaluator))
    hook = load('test.py').saving_hook(cfg, 'out', show)
    assert hook.mask_dir == Path('out')
    assert hook.picture_dir == (pictures and Path(pictures))
    assert cfg.test_evaluator == evaluator
