"""The private modules behind the benchmarks: clocks, twins, batches."""

import importlib
import warnings

import pytest
import torch
from benching import Clock, tools_path  # noqa: F401  (a fixture)
from conftest import tiny_run
from mmengine.config import Config
from mmseg.registry import DATASETS
from tiny import ROOT

from mmseg_pseudoseg.datasets import multi_branch_collate
from mmseg_pseudoseg.models.decode_heads import banded_loss


@pytest.mark.parametrize('semi, stock', [
    ('pseudoseg/voc_1_8.py', 'supervised/sup_voc_1_8.py'),
    ('pseudoseg/voc_1_8_tags.py', 'supervised/sup_voc_1_8.py'),
    ('small/pseudoseg_animals_1_16.py', 'small/sup_animals_1_16.py'),
    ('pseudoseg/voc_1_8_ocr.py', '_base_/models/ocrnet_r50-d16.py')])
def test_stock_model_is_the_shipped_baseline(tools_path, semi, stock):  # noqa: F811
    steps = importlib.import_module('_training_step')
    model, expected = (
        Config.fromfile(ROOT / 'configs' / name).model for name in (
            semi, stock))
    model.unsup_start = 0
    assert steps.stock_model(model) == expected


def test_the_floor_has_stock_losses(tools_path, tmp_path, monkeypatch):  # noqa: F811
    """The other floor and the step sweep over bands once each."""
    steps = importlib.import_module('_training_step')
    noise = importlib.import_module('_synthetic_batch')
    cfg = Config(tiny_run(tmp_path / 'no data', tmp_path))
    trainee = steps.build(cfg.model, cfg.optim_wrapper,
                          noise.synthetic_batch(cfg, (2, 2), (33, 33)), 'cpu',
                          False)
    sweeps, stock = [], banded_loss.resized_cross_entropy_sums
    monkeypatch.setattr(banded_loss, 'resized_cross_entropy_sums',
                        lambda *args: sweeps.append(1) or stock(*args))
    for step, number in ((steps.floor_step, 0), (steps.same_passes_step, 1),
                         (steps.Trainee.step, 1)):
        sweeps.clear()
        step(trainee)
        assert len(sweeps) == number


@pytest.mark.parametrize('tags', [False, True])
def test_the_batch_is_the_loader_s(tools_path, voc_root, tags):  # noqa: F811
    """Keys, types, labels and erased pixels, against the real dataset."""
    noise = importlib.import_module('_synthetic_batch')
    cfg = Config(tiny_run(voc_root, voc_root))
    if tags:
        cfg.model.image_labels = True
        steps = cfg.train_dataloader.dataset.unlabeled.pipeline
        steps[1:1] = [dict(type='LoadAnnotations')]
        steps[-2:-2] = [dict(type='ImageLabelsFromMask', num_classes=21)]
    made = noise.synthetic_batch(cfg, (2, 3), (33, 33))
    data = DATASETS.build(cfg.train_dataloader.dataset)
    real = multi_branch_collate([data[0], data[len(data) - 1]])
    assert made.keys() == real.keys()
    assert {k: len(v) for k, v in made['inputs'].items()} == dict(
        labeled=2, weak=3, strong=3)
    for view, images in made['inputs'].items():
        one, other = images[0], real['inputs'][view][0]
        assert one.dtype == other.dtype == torch.uint8
        assert one.shape == other.shape
        one, other = (batch['tensors'][view] for batch in (made, real))
        assert list(one) == list(other)
        assert ('image_labels' in one) == (tags and view != 'labeled')
        one, other = (batch['maps'][view]['gt_sem_seg'][0]
                      for batch in (made, real))
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        if view != 'labeled':
            assert (255 in one) == (view == 'strong')


def test_spans_take_the_inner_part_off_the_outer(tools_path, monkeypatch):  # noqa: F811
    module = importlib.import_module('_clock')
    clock = Clock()
    monkeypatch.setattr(module, 'perf_counter', clock)

    class Thing:
        def outer(self):
            clock.now += 1
            self.inner(3)
            clock.now += 2

        def inner(self, seconds):
            clock.now += seconds

    thing, spans = Thing(), module.Spans()
    parts = [module.Part(thing, name, name) for name in ('outer', 'inner')]
    with spans.watch(parts):
        thing.outer()
        with pytest.raises(TypeError):
            thing.inner()
    assert spans.seconds == dict(outer=3, inner=3)
    assert vars(thing) == {} and spans.open == []


def test_steps_take_turns(tools_path, monkeypatch):  # noqa: F811
    module = importlib.import_module('_clock')
    clock, calls = Clock(), []
    monkeypatch.setattr(module, 'perf_counter', clock)

    def step(name, k):
        calls.append(name)
        clock.now += k + 10 * (name == 'b')

    found = module.interleave(
        {name: lambda k, name=name: step(name, k) for name in 'ab'}, 3, 2)
    assert ''.join(calls) == 'abbaabbaab'
    assert found == dict(a=[0, 1, 2], b=[10, 11, 12])


def test_synchronisations_are_counted_by_place(tools_path, monkeypatch):  # noqa: F811
    module = importlib.import_module('_benchmark')
    mode = ['default']
    monkeypatch.setattr(torch.cuda, 'synchronize', lambda: None)
    monkeypatch.setattr(torch.cuda, 'set_sync_debug_mode',
                        lambda value: mode.append(value))

    def step():
        assert mode[-1] == 'warn'
        warnings.warn('another thing', stacklevel=1)
        for _ in range(3):
            warnings.warn('called a synchronizing CUDA operation (Triggered '
                          'internally)', stacklevel=1)

    found = module.count_syncs(step)
    assert mode[-1] == 'default' and list(found.values()) == [3]
    assert 'test_benchmark_parts.py:' in next(iter(found))
