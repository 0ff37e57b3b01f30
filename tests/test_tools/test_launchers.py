"""The shell scripts: real processes on CPUs, and a srun that writes down."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from conftest import VOC_LISTS, write_voc
from mmengine.config import Config
from mmengine.runner import CheckpointLoader
from mmseg.apis import inference_model, init_model
from PIL import Image
from tiny import TOOLS, run, tiny_config
from torch import nn

SCRIPTS = {
    'dist_train.sh': 'CONFIG GPUS',
    'dist_test.sh': 'CONFIG CHECKPOINT GPUS',
    'slurm_train.sh': 'PARTITION JOB_NAME CONFIG',
    'slurm_test.sh': 'PARTITION JOB_NAME CONFIG CHECKPOINT',
}
GLOO = ['--cfg-options', 'env_cfg.dist_cfg.backend=gloo']


def mean_iou(model: nn.Module, root: Path, ids: list) -> float:
    """Mean over the classes that occur, in per cent, of whole images."""
    labels, predictions = [], []
    for name in ids:
        mask = Image.open(root / f'SegmentationClass/{name}.png')
        result = inference_model(model, str(root / f'JPEGImages/{name}.jpg'))
        labels.append(np.asarray(mask))
        predictions.append(result.pred_sem_seg.data[0].numpy())
    label, prediction = np.stack(labels), np.stack(predictions)
    prediction = np.where(label == 255, 255, prediction)
    ious = []
    for c in range(21):
        union = np.sum((label == c) | (prediction == c))
        if union:
            ious.append(np.sum((label == c) & (prediction == c)) / union)
    return 100 * float(np.mean(ious))


def test_there_is_no_other_script():
    assert {path.name for path in TOOLS.glob('*.sh')} == set(SCRIPTS)


@pytest.mark.parametrize('name, usage', SCRIPTS.items())
def test_usage(name, usage, tmp_path):
    run('bash', '-n', TOOLS / name, cwd=tmp_path)
    too_few = usage.split()[:-1]
    log = run(TOOLS / name, *too_few, cwd=tmp_path, ok=False)
    assert log.startswith(f'usage: {TOOLS / name} {usage} [')


def test_two_processes_train_and_test(tmp_path):
    folder = tmp_path / 'my runs'  # the blank needs quoted arguments
    write_voc(folder / 'VOC2012', VOC_LISTS)
    config = tiny_config('pseudoseg/voc_1_8.py', folder / 'VOC2012',
                         folder / 'semi.py')
    log = run(TOOLS / 'dist_train.sh', config, 2, '--work-dir', folder / 'w',
              '--auto-scale-lr', '--resume', *GLOO, cwd=tmp_path)
    assert 'in each of 2 processes' in log
    # Nothing to resume yet: it started at the first iteration. Two processes
    # of 4 images, where the learning rate is meant for 128.
    scalars, = (folder / 'w').glob('*/vis_data/scalars.json')
    first = json.loads(scalars.read_text().splitlines()[0])
    assert first['step'] == 1
    cfg = Config.fromfile(config)
    rates = {group['lr'] for group in CheckpointLoader.load_checkpoint(
        str(folder / 'w' / 'iter_2.pth'))['optimizer'][
            'param_groups']}
    initial = {cfg.optim_wrapper.optimizer.lr * mult * 8 / 128
               for mult in (1, cfg.optim_wrapper.paramwise_cfg.bias_lr_mult)}
    decay = (1 - 2 / 9)**0.9  # MMEngine's PolyLR ends one iteration early
    assert sorted(rates) == pytest.approx(sorted(
        rate * decay for rate in initial))

    checkpoint = folder / 'w' / 'iter_3.pth'
    run(TOOLS / 'dist_test.sh', config, checkpoint, 2, '--work-dir',
        folder / 't', *GLOO, cwd=tmp_path)
    metrics, = (folder / 't').glob('*/*.json')
    # Plain batch norms: each process has running statistics of its own, and
    # what was validated in training is what was saved.
    assert json.loads(metrics.read_text())['mIoU'] == pytest.approx(
        json.loads(scalars.read_text().splitlines()[-1])['mIoU'], abs=1e-9)
    model = init_model(str(config), str(checkpoint), 'cpu')
    assert json.loads(metrics.read_text())['mIoU'] == pytest.approx(
        mean_iou(model, folder / 'VOC2012', VOC_LISTS['val']), abs=0.01)


def record(script: Path, log: Path) -> Path:
    """Write a program that writes its arguments to ``log``."""
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{log}"\n')
    script.chmod(0o755)
    return script


@pytest.fixture()
def srun(tmp_path, monkeypatch) -> Path:
    """A ``srun`` that writes its arguments to the file returned."""
    log = tmp_path / 'arguments'
    script = record(tmp_path / 'bin' / 'srun', log)
    # ``run`` puts this Python's folder first, which has no srun.
    monkeypatch.setenv('PATH', f'{script.parent}{os.pathsep}'
                       f'{os.environ["PATH"]}')
    return log


def test_slurm_train(srun, tmp_path):
    run(TOOLS / 'slurm_train.sh', 'gpu', 'a job', 'my runs/c.py', '--amp',
        '--work-dir', 'a b', cwd=tmp_path, env=dict(GPUS='16'))
    assert srun.read_text().splitlines() == [
        '--partition', 'gpu', '--job-name', 'a job', '--gres', 'gpu:8',
        '--ntasks', '16', '--ntasks-per-node', '8', '--cpus-per-task', '5',
        '--kill-on-bad-exit=1', 'python', '-u',
        str(TOOLS / 'train.py'), 'my runs/c.py', '--launcher', 'slurm',
        '--amp', '--work-dir', 'a b'
    ]


def test_slurm_test(srun, tmp_path):
    run(TOOLS / 'slurm_test.sh', 'gpu', 'job', 'c.py', 'x y.pth', '--tta',
        cwd=tmp_path,
        env=dict(GPUS='2', GPUS_PER_NODE='1', CPUS_PER_TASK='3',
                 SRUN_ARGS='--time 1:00 --exclusive'))
    assert srun.read_text().splitlines() == [
        '--partition', 'gpu', '--job-name', 'job', '--gres', 'gpu:1',
        '--ntasks', '2', '--ntasks-per-node', '1', '--cpus-per-task', '3',
        '--kill-on-bad-exit=1', '--time', '1:00', '--exclusive', 'python',
        '-u', str(TOOLS / 'test.py'), 'c.py', 'x y.pth', '--launcher',
        'slurm', '--tta'
    ]


@pytest.mark.parametrize('name, usage', SCRIPTS.items())
def test_the_interpreter_that_python_names(name, usage, srun, tmp_path):
    log = tmp_path / 'arguments'
    python = record(tmp_path / 'my venv' / 'python3.11', log)
    run(TOOLS / name, *usage.replace('GPUS', '2').split(), '--amp',
        cwd=tmp_path, env=dict(PYTHON=str(python)))
    words = log.read_text().splitlines()
    if name.startswith('slurm'):
        assert words[words.index(str(python)) + 1] == '-u'
    else:
        assert words[:2] == [str(TOOLS / 'launch.py'), '2']
    assert words[-1] == '--amp'
