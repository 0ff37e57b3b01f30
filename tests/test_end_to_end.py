"""A shipped config, made small: train, validate, test, TTA, predict."""

import math

import mmcv
import numpy as np
import pytest
import torch
from conftest import VOC_LISTS, write_voc
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.apis import inference_model, init_model
from PIL import Image
from test_tools.tiny import tiny_config

LOSSES = ('labeled.decode.loss_ce', 'labeled.sgc.loss_ce',
          'labeled.sgc.loss_cls', 'strong.loss_soft_ce')


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Data, config and runner after three iterations."""
    folder = tmp_path_factory.mktemp('end_to_end')
    root = folder / 'VOC2012'
    for masks in ('SegmentationClass', 'SegmentationClassAug'):
        write_voc(root, VOC_LISTS, folder=masks)
    path = tiny_config('pseudoseg/voc_1_8.py', root, folder / 'cfg.py')
    cfg = Config.fromfile(path)
    cfg.work_dir = str(folder / 'run')
    runner = Runner.from_cfg(cfg)
    runner.train()
    return root, path, folder / 'run' / 'iter_3.pth', runner


def run_test(trained, tta=False):
    """The stock test loop on the trained weights."""
    _, path, checkpoint, runner = trained
    cfg = Config.fromfile(path)
    cfg.update(work_dir=runner.work_dir, load_from=str(checkpoint))
    if tta:
        cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
        cfg.model = dict(**cfg.tta_model, module=cfg.model)
    return Runner.from_cfg(cfg).test()


def test_training_logs_each_loss_and_saves(trained):
    _, _, checkpoint, runner = trained
    assert runner.iter == 3 and checkpoint.exists()
    logged = runner.message_hub.log_scalars
    total = 0.
    for name in LOSSES:
        value = logged[f'train/{name}'].current()
        assert math.isfinite(value) and value > 0
        total += value
    assert logged['train/loss'].current() == pytest.approx(total, rel=1e-5)
    assert 0 <= logged['val/mIoU'].current() <= 100


def test_test_repeats_the_last_validation(trained):
    metrics = run_test(trained)
    logged = trained[3].message_hub.log_scalars
    for name in ('mIoU', 'aAcc', 'mAcc'):
        assert metrics[name] == pytest.approx(logged[f'val/{name}'].current())


def test_predictions_give_the_reported_accuracy(trained):
    root, path, checkpoint, _ = trained
    model = init_model(str(path), str(checkpoint), device='cpu')
    right = pixels = 0
    hits, union = np.zeros(21), np.zeros(21)
    for name in VOC_LISTS['val']:
        result = inference_model(model,
                                 str(root / 'JPEGImages' / f'{name}.jpg'))
        mask = np.array(
            Image.open(root / 'SegmentationClass' / f'{name}.png'))
        guess = result.pred_sem_seg.data.numpy()[0]
        assert guess.shape == mask.shape
        assert result.seg_logits.data.shape == (21, *mask.shape)
        for g, m in zip(guess.ravel(), mask.ravel()):
            if m == 255:
                continue
            pixels += 1
            right += g == m
            hits[m] += g == m
            union[g] += 1
            union[m] += g != m
    metrics = run_test(trained)
    assert metrics['aAcc'] == pytest.approx(100 * right / pixels, abs=0.01)
    shown = union > 0
    iou = hits[shown] / union[shown]
    assert metrics['mIoU'] == pytest.approx(100 * iou.mean(), abs=0.01)


def test_an_array_gives_what_its_file_gives(trained):
    root, path, checkpoint, _ = trained
    file = str(root / 'JPEGImages' / f'{VOC_LISTS["val"][0]}.jpg')
    model = init_model(str(path), str(checkpoint), device='cpu')
    one = inference_model(model, file).seg_logits.data
    other = inference_model(model, mmcv.imread(file)).seg_logits.data
    assert torch.equal(one, other)


def test_test_time_augmentation_runs(trained):
    metrics = run_test(trained, tta=True)
    assert set(metrics) == {'aAcc', 'mIoU', 'mAcc'}
    assert all(0 <= value <= 100 for value in metrics.values())
