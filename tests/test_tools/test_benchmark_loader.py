"""benchmark_loader.py on a clock that only known costs move."""

import importlib
import json

import cv2
import pytest
from benching import Clock, tools_path  # noqa: F401  (a fixture)
from conftest import tiny_run
from inprocess import tool_main  # noqa: F401  (a fixture)
from mmengine.config import Config

from mmseg_pseudoseg.datasets import ColorJitter, CutOut

NAME = 'benchmark_loader'


@pytest.fixture()
def clock(tools_path, monkeypatch):  # noqa: F811
    """An image costs 1 to decode, 0.5 to jitter and 0.25 to erase from."""
    clock = Clock()

    def costly(owner, name, seconds):
        stock = getattr(owner, name)

        def call(*args, **kwargs):
            clock.now += seconds
            return stock(*args, **kwargs)

        monkeypatch.setattr(owner, name, call)

    costly(cv2, 'imdecode', 1)
    costly(ColorJitter, 'transform', .5)
    costly(CutOut, 'transform', .25)
    monkeypatch.setattr(importlib.import_module('_clock'), 'perf_counter',
                        clock)


@pytest.fixture()
def bench(clock, tool_main, tmp_path):  # noqa: F811
    """``bench(config, *args)``: printed text and the JSON file."""

    def run(config, *args):
        out = tmp_path / 'out' / 'loader.json'
        text = tool_main(NAME, config, '--samples', 3, '--json', out, *args)
        return text, json.loads(out.read_text())

    return run


def write(root, change=lambda pipeline: None):
    cfg = Config(tiny_run(root, root.parent))
    change(cfg.train_dataloader.dataset.unlabeled.pipeline)
    path = root.parent / 'semi.py'
    cfg.dump(path)
    return path


def test_costs_become_rates_and_workers(bench, voc_root):
    text, found = bench(write(voc_root), '--step-time', 2)
    parts = found['parts']
    assert parts['unlabeled']['mean_seconds'] == pytest.approx(1.75)
    assert parts['unlabeled']['ratio'] == pytest.approx(1.75)
    assert parts['unlabeled']['samples_per_second'] == pytest.approx(1 / 1.75)
    assert parts['labeled']['ratio'] == pytest.approx(1)
    assert {k: v for k, v in parts['unlabeled']['steps'].items() if v} == {
        'LoadImageFromFile': 1, 'MultiBranch.strong.ColorJitter': .5,
        'MultiBranch.strong.CutOut': .25}
    assert parts['unlabeled']['steps'].keys() >= {
        'MultiBranch', 'MultiBranch.weak.PackSemiInputs', 'RandomCrop',
        'MultiBranch.strong.PackSemiInputs', 'dataset (annotations, seeds)'}
    # 2 labelled at 1 and 2 unlabelled at 1.75
    assert found['batch_core_seconds'] == pytest.approx(5.5)
    assert found['needed'] == dict(cores=pytest.approx(2.75), workers=3)
    assert '3 workers' in text and 'num_workers=0' in text
    assert found['machine'].keys() >= {'cpu', 'threads', 'torch', 'commit'}


def decode_again(pipeline):
    pipeline[-1].strong.insert(0, dict(type='LoadImageFromFile'))


def read_masks(pipeline):
    pipeline.insert(1, dict(type='LoadAnnotations'))


@pytest.mark.parametrize('change, images, masks', [
    (lambda pipeline: None, 1, 0), (decode_again, 2, 0), (read_masks, 1, 1)])
def test_decodes_are_counted(bench, voc_root, change, images, masks):
    text, found = bench(write(voc_root, change))
    assert found['parts']['unlabeled']['decoded'] == dict(
        images=images, masks=masks)
    assert found['parts']['labeled']['decoded'] == dict(images=1, masks=1)
    assert found['needed'] is None and 'give --step-time' in text
    # The stock pipeline decodes once, whatever this one does.
    assert found['parts']['unlabeled']['stock_mean_seconds'] == 1


def test_the_stock_pipeline_has_stock_steps(clock):
    module = importlib.import_module(NAME)
    geometry = [dict(type='RandomResize', scale=(9, 9)),
                dict(type='RandomFlip', prob=.5)]
    steps = module.stock_steps([
        dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
        dict(type='CheckAnnotations', num_classes=21), *geometry,
        dict(type='ImageLabelsFromMask', num_classes=21),
        dict(type='LoadBlankAnnotations'),
        dict(type='MultiBranch', weak=[dict(type='PackSemiInputs')])])
    assert steps == [dict(type='LoadImageFromFile'),
                     dict(type='LoadAnnotations'), *geometry,
                     dict(type='PackSegInputs')]


def test_choices_are_looked_into(clock):
    module = importlib.import_module(NAME)
    from mmseg.registry import TRANSFORMS
    choice = TRANSFORMS.build(dict(type='RandomChoice', transforms=[
        [dict(type='RandomFlip', prob=1.)], [dict(type='ColorJitter')]]))
    assert [part.name for part in module.find_transforms([choice])] == [
        'RandomChoice', 'RandomChoice.RandomFlip', 'RandomChoice.ColorJitter']


def test_samples_and_threads(bench, voc_root, monkeypatch):
    """N samples a part: ours and stock after a warm-up, then the parts."""
    seen = []
    stock = cv2.imdecode
    monkeypatch.setattr(cv2, 'imdecode',
                        lambda *args: seen.append(1) or stock(*args))
    _, found = bench(write(voc_root), '--samples', 5)
    assert found['samples'] == 5 and len(seen) == 2 * (2 * (1 + 5) + 5)


def test_errors(clock, tool_main, voc_root, tmp_path):  # noqa: F811
    config = write(voc_root)
    for args, words in (
            ([tmp_path / 'no.py'], ['no.py', 'no such config']),
            ([config, '--samples', 0], ['--samples', 'positive']),
            ([config, '--step-time', 0], ['--step-time', 'positive']),
            ([config, '--cfg-options', 'train_dataloader.dataset.labeled.'
              f'data_root={tmp_path / "none"}'],
             [str(config), 'none/ImageSets', 'labeled.data_root=DIR']),
            ([config, '--cfg-options',
              'train_dataloader.dataset.tag_file=no.txt'], ['no.txt']),
            ([config, '--cfg-options', 'train_dataloader.batch_sampler.'
              'source_ratio.labeled=2'], ['batch_size=4', 'multiple of 3'])):
        error = tool_main(NAME, *args, ok=False)
        for word in ['error: ', *words]:
            assert word in error, error
    config.write_text("train_dataloader = dict(batch_size=2, "
                      "dataset=dict(type='PascalVOCDataset'))\n")
    assert 'give a semi-supervised config' in tool_main(NAME, config, ok=False)
