"""check_data.py: crops, batches, and the estimate of the memory."""

import importlib
import sys

import pytest
import torch
from benching import tools_path  # noqa: F401  (a fixture)
from mmengine.config import Config
from test_check_data import (
    LABELED,
    UNLABELED,
    check,  # noqa: F401  (a fixture)
    errors,
    found,
    voc_config,
)
from tiny import ROOT

BATCH = 'train_dataloader.batch_size'
TOLERANCE = 0.1  # of docs/check_data.md


def crop_config(root, scale, crop):
    """All images, 48 x 64 (height x width), resized to a fixed scale."""
    cfg = voc_config(root)
    cfg.model.data_preprocessor.size = crop
    for part in cfg.train_dataloader.dataset.values():
        if isinstance(part, dict):
            steps = part.pipeline
            at = [step['type'] for step in steps].index('RandomResize')
            steps[at] = dict(type='Resize', scale=scale, keep_ratio=True)
            steps[at + 1].crop_size = crop
            for step in steps[-1].get('strong', []):
                if step['type'] == 'CutOut':
                    step.canvas = crop
    return cfg


def test_padding_and_what_a_crop_shows(check, voc_root):  # noqa: F811
    """By hand: 48 x 64 becomes 24 x 32, of which 24 x 20 are in the crop."""
    result = check(crop_config(voc_root, (32, 24), (40, 20)), code=0)
    warnings = [f for f in result['findings'] if 'is 40 % padding' in
                f['text'] and f['level'] == 'warning']
    assert [f['where'] for f in warnings] == [
        f'{LABELED}.pipeline', f'{UNLABELED}.pipeline']
    text = warnings[0]['text']
    assert 'crop of 40 x 20 shows 62 %' in text  # 20 / 32
    assert '100 % of the resized images are smaller' in text
    result = check(crop_config(voc_root, (128, 96), (48, 48)), code=0)
    notes = [f for f in result['findings'] if 'shows 19 % of' in f['text']
             and 'is 0 % padding' in f['text'] and f['level'] == 'note']
    assert len(notes) == 2 and '; 0 % of' in notes[0]['text']


def test_steps_that_do_not_run_on_blank_images(
        check, voc_root):  # noqa: F811
    cfg = crop_config(voc_root, (32, 24), (40, 20))
    cfg.train_dataloader.dataset.labeled.pipeline.insert(
        3, dict(type='CutOut', size=0))
    finding = found(check(cfg, code=0), 'cannot be simulated', 'note')
    assert 'size >= 1' in finding['text']


def test_batches(check, voc_root):  # noqa: F811
    """4 images are 2 + 2; 6 labelled ones are more than the list has."""
    cfg = voc_config(voc_root)
    result = check(cfg, code=0)
    texts = [f['text'] for f in result['findings'] if f['where'] == BATCH]
    assert texts == [
        '2 labeled images of 4 a batch and GPU; 6 iterations see each 3.0 '
        'times, on one GPU', '2 unlabeled images of 20 a batch and GPU; 6 '
        'iterations see each 0.6 times, on one GPU']
    result = check(cfg, '--cfg-options', f'{BATCH}=12', code=0)
    assert '6 labeled images of 4' in found(
        result, 'fewer than a batch takes', 'warning')['text']
    result = check(cfg, '--cfg-options', f'{BATCH}=5', code=1)
    assert 'no multiple of 2' in errors(result)[0]['text']
    ratio = 'train_dataloader.batch_sampler.source_ratio.unlabeled=3'
    result = check(cfg, '--cfg-options', ratio, code=0)
    found(result, '3 unlabeled images of 20', 'note')


@pytest.fixture()
def memory(tools_path):  # noqa: F811
    return importlib.import_module('_data_memory')


def shipped(name: str, tags: bool = False) -> Config:
    """A shipped config with a small ResNet."""
    cfg = Config.fromfile(ROOT / 'configs' / name)
    cfg.model.backbone.update(depth=18, base_channels=8)
    cfg.model.decode_head.update(in_channels=64, channels=16,
                                 c1_in_channels=8, c1_channels=8)
    if 'sgc_head' in cfg.model:
        cfg.model.sgc_head.update(in_channels=(32, 64), channels=8)
        cfg.model.image_labels = tags
        cfg.model.unsup_start = 100
    return cfg


@pytest.mark.parametrize('name, number, tags', [
    ('supervised/sup_voc_1_8.py', dict(labeled=3), False),
    ('pseudoseg/voc_1_8.py', dict(labeled=2, unlabeled=4), False),
    ('pseudoseg/voc_1_8.py', dict(labeled=2, unlabeled=2), True)])
def test_memory_of_a_larger_crop(memory, name, number, tags):
    """Within the stated tolerance of what autograd keeps there."""
    side = 257
    cfg = shipped(name, tags)
    made = memory.estimate(cfg, number, (side, side))
    trainee = memory.trainee(cfg, memory.make_batch(cfg, number, side))
    kept, _ = memory.kept_bytes(trainee, side)
    assert made['activations'] == pytest.approx(kept, rel=TOLERANCE)
    weights = sum(p.numel() for p in trainee.model.parameters()
                  if p.requires_grad)
    assert made['gradients'] == made['optimizer'] == 4 * weights  # SGD
    assert made['weights'] >= 4 * weights
    assert made['total'] == pytest.approx(
        made['weights'] + 8 * weights + made['activations'])
    # Views that set in late are counted from the start.
    small = memory.make_batch(cfg, number, 64)
    late = memory.kept_bytes(memory.trainee(cfg, small), 64)[0]
    cfg.model.pop('unsup_start', None)
    assert late == memory.kept_bytes(memory.trainee(cfg, small), 64)[0]
    cfg.optim_wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic',
                             optimizer=dict(type='AdamW', lr=1.))
    adam = memory.estimate(cfg, number, (side, side))['optimizer']
    assert adam == pytest.approx(8 * weights, rel=0.01)


def test_kept_storages_are_counted_once(memory):
    """A product keeps both factors; a view of one adds nothing."""
    kept = memory.Kept()
    weight = torch.ones(10, requires_grad=True)
    one, other = torch.ones(10), torch.ones(20)[::2]
    with torch.autograd.graph.saved_tensors_hooks(kept.pack, lambda t: t):
        (weight * one).sum() + (weight * other).sum() + (
            weight[:5] * one[:5]).sum()
    assert kept.total([weight]) == 4 * (10 + 20)
    assert memory.fit([100 * s**2 + s**4 for s in memory.SIDES], 9.) == \
        pytest.approx(100 * 9 + 81)
    assert memory.small_batch(dict(labeled=4, unlabeled=12)) == (
        dict(labeled=2, unlabeled=6), 2)


def test_memory_is_printed_or_excused(check, voc_root,  # noqa: F811
                                      monkeypatch):
    """The real estimate in the report; without a crop, a note."""
    tool = sys.modules['check_data']
    monkeypatch.setattr(tool, 'estimate', sys.modules[
        '_data_memory'].estimate)
    cfg = voc_config(voc_root)
    result = check(cfg, code=0)
    names = ['weights', 'gradients', 'optimizer', 'activations', 'total']
    assert list(result['memory']) == names
    assert 'continued by a * area' in result['printed']
    wrong = 'model.backbone.strides=(1,2)'
    result = check(cfg, '--cfg-options', wrong, code=0)
    found(result, 'memory of a step is not estimated', 'note')
    cfg.model.data_preprocessor.size = None
    for part in ('labeled', 'unlabeled'):
        steps = cfg.train_dataloader.dataset[part].pipeline
        cfg.train_dataloader.dataset[part].pipeline = [
            step for step in steps if step['type'] != 'RandomCrop']
    result = check(cfg, code=0)
    found(result, 'no fixed crop', 'note')
    assert result['memory'] == {}
