"""train.py and test.py on a shipped config made small."""

import importlib
import json
import shutil
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import mmcv
import numpy as np
import pytest
import torch
from conftest import VOC_LISTS, write_voc
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.optim.optimizer import amp_optimizer_wrapper
from mmengine.runner import CheckpointLoader
from mmengine.utils import import_modules_from_strings
from mmseg.apis import inference_model, init_model
from tiny import TOOLS, tiny_config, tool


@pytest.fixture(scope='module')
def trained(tmp_path_factory) -> SimpleNamespace:
    """Three iterations of voc_1_8.py, and a checkpoint with clear opinions."""
    folder = tmp_path_factory.mktemp('my runs')
    root = folder / 'VOC2012'
    write_voc(root, VOC_LISTS)
    semi = tiny_config('pseudoseg/voc_1_8.py', root, folder / 'semi.py')
    sup = tiny_config('supervised/sup_voc_1_8.py', root, folder / 'sup.py')
    log = tool('train.py', semi, cwd=folder)
    work_dir = folder / 'work_dirs' / 'semi'
    checkpoint = CheckpointLoader.load_checkpoint(
        str(work_dir / 'iter_3.pth'))
    weight = checkpoint['state_dict']['decode_head.conv_seg.weight']
    weight.copy_(torch.randn(
        weight.shape, generator=torch.Generator().manual_seed(0)))
    vivid = folder / 'vivid.pth'
    torch.save(checkpoint, vivid)
    return SimpleNamespace(folder=folder, root=root, semi=semi, sup=sup,
                           log=log, work_dir=work_dir, vivid=vivid)


@pytest.fixture()
def call(monkeypatch):
    """Run a tool in this process; for what ends before any work."""

    def call_tool(name: str, *args: object) -> None:
        path = TOOLS / name
        monkeypatch.syspath_prepend(str(path.parent))
        monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
        import_modules_from_strings(path.stem).main()

    return call_tool


def scalars(work_dir: Path) -> list:
    """The logged training iterations of a work dir with one run."""
    path, = work_dir.glob('*/vis_data/scalars.json')
    lines = map(json.loads, path.read_text().splitlines())
    return [line for line in lines if 'loss' in line]


def weights(path: Path) -> dict:
    return CheckpointLoader.load_checkpoint(str(path))['state_dict']


def masks(folder: Path) -> dict:
    return {p.stem: mmcv.imread(p, 'unchanged') for p in folder.iterdir()}


def test_train_logs_every_loss_and_saves(trained):
    lines = scalars(trained.work_dir)
    assert [line['step'] for line in lines] == [1, 2, 3]
    for key in ('labeled.decode.loss_ce', 'labeled.sgc.loss_ce',
                'labeled.sgc.loss_cls', 'strong.loss_soft_ce'):
        assert all(np.isfinite(line[key]) for line in lines), key
    assert (trained.work_dir / 'last_checkpoint').read_text() == str(
        trained.work_dir / 'iter_3.pth')
    assert 'mIoU' in trained.log


def test_resume_continues_the_last_checkpoint(trained, tmp_path):
    shutil.copy(trained.work_dir / 'iter_2.pth', tmp_path)
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_2.pth'))
    tool('train.py', trained.semi, '--resume', '--work-dir', tmp_path,
         cwd=tmp_path)
    resumed, whole = scalars(tmp_path), scalars(trained.work_dir)
    assert [line['step'] for line in resumed] == [3]
    assert resumed[0]['loss'] == whole[2]['loss']
    expected = weights(trained.work_dir / 'iter_3.pth')
    for key, value in weights(tmp_path / 'iter_3.pth').items():
        assert torch.equal(value, expected[key]), key


def test_amp_trains_on_a_cpu_from_a_given_checkpoint(trained, tmp_path):
    tool('train.py', trained.semi, '--amp', '--work-dir', 'out', '--resume',
         trained.work_dir / 'iter_2.pth', cwd=tmp_path)
    line, = scalars(tmp_path / 'out')
    exact = scalars(trained.work_dir)[2]
    assert line['step'] == 3
    # bfloat16 has 8 bits: near the exact loss, but not equal to it.
    assert line['loss'] != exact['loss']
    assert line['loss'] == pytest.approx(exact['loss'], rel=0.05)
    cfg = Config.fromfile(tmp_path / 'out' / 'semi.py')
    assert cfg.optim_wrapper.type == 'CPUAmpOptimWrapper'


@pytest.mark.parametrize('capability, bf16', [
    ((7, 0), False), ((7, 5), False), ((8, 0), True), ((8, 9), True),
    ((10, 0), True)])  # V100, T4, A100, RTX 40, B200
def test_amp_on_a_gpu_takes_bfloat16_where_there_is_one(capability, bf16,
                                                        monkeypatch):
    monkeypatch.setattr(sys, 'path', [str(TOOLS), *sys.path])
    train = importlib.import_module('train')
    monkeypatch.setattr(train, 'get_device', lambda: 'cuda')
    # What torch says of a V100, too.
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda: True)
    monkeypatch.setattr(torch.cuda, 'get_device_capability',
                        lambda: capability)
    cfg = Config.fromfile(TOOLS.parent / 'configs/pseudoseg/voc_1_8.py')
    train.enable_amp(cfg)
    model = torch.nn.Linear(1, 1)
    monkeypatch.setattr(amp_optimizer_wrapper, 'is_cuda_available',
                        lambda: True)
    with warnings.catch_warnings():  # the scaler misses its GPU
        warnings.simplefilter('ignore')
        made = build_optim_wrapper(model, cfg.optim_wrapper)
    assert made.cast_dtype == (torch.bfloat16 if bf16 else None)
    assert cfg.optim_wrapper.loss_scale == (
        dict(enabled=False) if bf16 else 'dynamic')


def test_test_saves_the_masks_that_the_model_predicts(trained, tmp_path):
    log = tool('test.py', trained.semi, trained.vivid, '--out', 'out',
               '--show-dir', 'show', '--work-dir', 'work', '--cfg-options',
               'test_evaluator.iou_metrics=mDice', cwd=tmp_path)
    assert 'mDice:' in log and 'mIoU:' not in log
    saved = masks(tmp_path / 'out')
    assert sorted(saved) == VOC_LISTS['val']
    model = init_model(str(trained.semi), str(trained.vivid), 'cpu')
    for name, mask in saved.items():
        path = trained.root / 'JPEGImages' / f'{name}.jpg'
        expected = inference_model(model, str(path)).pred_sem_seg.data[0]
        assert np.array_equal(mask, expected.numpy()), name
        assert len(np.unique(mask)) > 1
    assert sorted(masks(tmp_path / 'work' / 'show')) == sorted(saved)
    plain_metrics, = (tmp_path / 'work').glob('*/*.json')
    assert 'mDice' in json.loads(plain_metrics.read_text())

    # In the folder of the training, and with two metrics.
    kept = (trained.work_dir / 'semi.py').read_bytes()
    two = Config.fromfile(trained.semi)
    two.test_evaluator = [dict(type='CalibrationMetric', num_bins=5),
                          two.test_evaluator]
    two.dump(tmp_path / 'semi.py')
    log = tool('test.py', tmp_path / 'semi.py', trained.vivid, '--tta',
               '--out', tmp_path / 'tta', cwd=trained.folder)
    assert 'ECE:' in log and 'mIoU:' in log
    assert (trained.work_dir / 'semi.py').read_bytes() == kept
    assert (trained.work_dir / 'test' / 'semi.py').is_file()
    assert len(list((trained.work_dir / 'test').glob('*/*.json'))) == 1
    augmented = masks(tmp_path / 'tta')
    assert sorted(augmented) == sorted(saved)
    share = [np.mean(augmented[name] != saved[name]) for name in saved]
    assert 0 < np.mean(share) < 1


@pytest.mark.parametrize('options, message', [
    (['--auto-scale-lr'], 'odd.py has no auto_scale_lr'),
    (['--amp'], 'the config has AccumulateWrapper: leave --amp out'),
    (['--launcher', 'pytorch'], 'add --cfg-options env_cfg.dist_cfg.backend='),
])
def test_train_refuses(trained, tmp_path, call, options, message):
    cfg = Config.fromfile(trained.semi)
    cfg.auto_scale_lr = None
    cfg.optim_wrapper.type = 'AccumulateWrapper'
    cfg.dump(tmp_path / 'odd.py')
    with pytest.raises(SystemExit, match=message):
        call('train.py', tmp_path / 'odd.py', *options)


@pytest.mark.parametrize('key', ['tta_model', 'tta_pipeline'])
def test_tta_needs_its_keys(trained, tmp_path, call, key):
    cfg = Config.fromfile(trained.semi)
    cfg.pop(key)
    cfg.dump(tmp_path / 'odd.py')
    with pytest.raises(SystemExit, match=f'odd.py has no {key}'):
        call('test.py', tmp_path / 'odd.py', trained.vivid, '--tta')
