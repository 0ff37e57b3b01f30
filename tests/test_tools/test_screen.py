"""What train.py and test.py print on the small recipe."""

import builtins
import re
import sys
from pathlib import Path

import pytest
from conftest import write_voc
from tiny import ROOT, run, tool

from mmseg_pseudoseg.stock_imports import import_mmseg

CONFIG = ROOT / 'configs/small/pseudoseg_animals_1_16.py'
LISTS = {
    'pseudoseg/1_16/labeled': [f'a_{k}' for k in range(4)],
    'pseudoseg/1_16/unlabeled': [f'a_{k}' for k in range(4, 10)],
    'val': ['v_0', 'v_1'],
}
SHORT = ['--cfg-options', 'train_cfg.max_iters=4', 'train_cfg.val_interval=4',
         'train_dataloader.batch_size=4', 'train_dataloader.num_workers=0',
         'train_dataloader.persistent_workers=False']
SUMMARY = ['config', 'work dir', 'log', 'network', 'classes', 'images',
           'images a step', 'iterations', 'start', 'device', 'seed']


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Folder of a run of four iterations, and what it printed."""
    folder = tmp_path_factory.mktemp('small')
    write_voc(folder / 'data/voc_animals', LISTS, num_classes=7, size=96,
              folder='SegmentationClass7')
    return folder, tool('train.py', CONFIG, *SHORT, cwd=folder)


def test_training_shows_a_summary_then_the_log(trained):
    folder, text = trained
    lines = [line for line in text.splitlines() if 'torchvision' not in line]
    assert len(lines) < 40, text  # 1,391 with the stock Runner
    assert 'OneDL' not in text and 'mmcv-lite' not in text
    start = next(k for k, line in enumerate(lines)
                 if line.endswith('INFO - Training'))
    names = [re.match(r'  (\S+(?: \S+)*)  ', line)[1]
             for line in lines[start + 1:start + 12]]
    assert names == SUMMARY
    rest = '\n'.join(lines[start + 12:])
    assert 'Saving checkpoint at 4' in rest and 'Iter(train) [4/4]' in rest
    for words in ('7: background, cat', '4 labelled + 6 unlabelled',
                  '1 labelled + 3 unlabelled', '4, validation every 4',
                  'SemiSegmentor of MobileNetV2,', 'start          new'):
        assert words in text, words
    log = next(line for line in lines if line.startswith('  log ')).split()[1]
    content = (folder / log).read_text()
    for words in ('System environment', 'GPU', 'MMEngine:', 'unsup_loss=dict(',
                  'Hooks will be executed', 'paramwise_options'):
        assert words in content and words not in text, words
    config = folder / 'work_dirs' / CONFIG.stem / CONFIG.name
    assert 'unsup_loss=dict(' in config.read_text()


def test_testing_ends_with_the_table(trained):
    folder, _ = trained
    weights = Path('work_dirs') / CONFIG.stem / 'iter_4.pth'
    text = tool('test.py', CONFIG, weights, cwd=folder)
    lines = [line for line in text.splitlines() if 'torchvision' not in line]
    assert len(lines) < 35, text
    assert any(line.endswith('INFO - Test') for line in lines)
    assert f'weights        {weights}' in text
    assert set(lines[-2]) == set('+-')
    assert 'Iter(test) [2/2]' in lines[-1] and 'mIoU: ' in lines[-1]


def test_the_last_line_of_a_failed_start_is_its_message(trained):
    folder, _ = trained
    text = tool('train.py', CONFIG, *SHORT, 'model.decode_head.num_classes=5',
                'model.sgc_head.num_classes=5', cwd=folder, ok=False)
    assert text.splitlines()[-1].endswith('set model.sgc_head.num_classes=7')
    assert len(text.splitlines()) < 60 and 'System environment' not in text


def test_nothing_is_said_of_packages_nobody_asked_for(tmp_path):
    said = run(sys.executable, '-c', 'import mmseg_pseudoseg', cwd=tmp_path)
    assert 'OneDL' not in said and 'MultiScaleDeformable' not in said


def test_what_else_an_import_prints_is_printed(capsys, monkeypatch):
    stock = builtins.__import__

    def loud(name, *args, **kwargs):
        if name == 'mmseg.datasets':
            print('Could not import OneDL')
            print('the disk is on fire')
        return stock(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', loud)
    import_mmseg()
    assert capsys.readouterr().out == 'the disk is on fire\n'
