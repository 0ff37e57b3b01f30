"""Where the tools write: their work dirs, and the masks of test.py."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from mmengine.config import Config
from mmengine.utils import import_modules_from_strings
from mmseg.evaluation import IoUMetric
from tiny import ROOT, TOOLS


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


@pytest.mark.parametrize('kind', ['mmseg.IoUMetric', 'CityscapesMetric',
                                  IoUMetric])
def test_out_sets_the_keys_of_the_metric_that_writes_masks(load, kind):
    saved = dict(type=kind, output_dir='out', keep_results=True)
    cfg = Config(dict(test_evaluator=dict(type=kind)))
    load('test.py').enable_saving(cfg, 'out')
    assert cfg.test_evaluator == saved
    others = [dict(type='CalibrationMetric'), dict(type='IoUMetric')]
    cfg = Config(dict(test_evaluator=[others[0], dict(type=kind), others[1]]))
    load('test.py').enable_saving(cfg, 'out')
    assert cfg.test_evaluator == [others[0], saved, others[1]]


@pytest.mark.parametrize('evaluator', [
    None, dict(type='CalibrationMetric'),
    [dict(type='CalibrationMetric'), dict(type='DepthMetric')]])
def test_out_needs_a_metric_that_writes_masks(load, monkeypatch, tmp_path,
                                              evaluator):
    monkeypatch.chdir(tmp_path)
    cfg = Config.fromfile(ROOT / 'configs/pseudoseg/voc_1_8.py')
    cfg.test_evaluator = evaluator
    cfg.dump('odd.py')
    monkeypatch.setattr(sys, 'argv', ['test.py', 'odd.py', 'x.pth', '--out',
                                      'out'])
    with pytest.raises(SystemExit, match=(
            r'^--out: test_evaluator of .*odd\.py has no IoUMetric')):
        load('test.py').main()
