"""Contradictions of a config, each with its key and what to do."""

from copy import deepcopy

import pytest
import torch
from conftest import ROOT
from mmengine.config import Config, ConfigDict

from mmseg_pseudoseg.config_checks import check_config, images_a_step
from mmseg_pseudoseg.config_keys import accepted_keys
from mmseg_pseudoseg.models import SemiSegmentor
from mmseg_pseudoseg.models.utils import Stage
from mmseg_pseudoseg.network_checks import (
    channel_problems,
    one_image_problems,
)

SMALL = ROOT / 'configs/small/pseudoseg_animals_1_16.py'
LABELED = 'train_dataloader.dataset.labeled'


@pytest.fixture(scope='module')
def small() -> Config:
    return Config.fromfile(SMALL)


@pytest.fixture()
def cfg(small) -> Config:
    return deepcopy(small)


def told(cfg: Config, fatal: bool = True) -> str:
    """What is said of a config; all of one kind."""
    problems = check_config(cfg)
    assert all(problem.fatal == fatal for problem in problems), problems
    return '\n'.join(map(str, problems))


@pytest.mark.parametrize('key, near', [
    ('model.unsup_strat', 'model.unsup_start'),
    ('model.auxilary_head', 'model.auxiliary_head'),
    ('model.pseudo_label.temperatur', 'model.pseudo_label.temperature'),
    ('model.backbone.frozen_stage', 'model.backbone.frozen_stages'),
    ('train_dataloader.dataset.tagfile', 'train_dataloader.dataset.tag_file'),
    (f'{LABELED}.pipeline.2.ignore_indx', f'{LABELED}.pipeline.2.ignore_index'
     ),
    ('custom_hooks.1.intervall', 'custom_hooks.1.interval')])
def test_a_misspelt_key_and_what_it_resembles(cfg, key, near):
    cfg.merge_from_dict({key: 1})
    assert f'{key} is no key of' in told(cfg)
    assert f'did you mean {near}?' in told(cfg)


def test_a_key_that_resembles_nothing(cfg):
    cfg.model.pseudo_label.xyz = 1
    assert 'its keys are gamma, temperature, norm' in told(cfg)
    # Stock classes hand such keys on to code that is not seen here.
    cfg = Config.fromfile(ROOT / 'configs/pseudoseg/voc_1_8_x65.py')
    cfg.model.backbone.xyz = 1
    assert not [p for p in check_config(cfg) if p.fatal]


def test_keys_of_a_class_and_its_bases():
    keys = accepted_keys(SemiSegmentor)
    assert {'unsup_start', 'decode_head', 'init_cfg'} <= set(keys)
    assert not {'self', 'kwargs'} & set(keys)


def test_heads_of_another_number_of_classes(cfg):
    """The heads are named, not the data: 15 for 7 classes."""
    cfg.merge_from_dict({'model.decode_head.num_classes': 15,
                         'model.sgc_head.num_classes': 15})
    assert told(cfg).splitlines() == [
        f'model.{head}.num_classes is 15, but metainfo.classes of the data '
        f'has 7 classes: set model.{head}.num_classes=7'
        for head in ('decode_head', 'sgc_head')]


@pytest.mark.parametrize('size, crop, fatal', [
    ((145, 145), (257, 257), True), ((145, 145), (145, 257), True),
    ((257, 257), (145, 145), False), (257, (145, 145), False)])
def test_a_crop_in_one_place(cfg, size, crop, fatal):
    cfg.model.data_preprocessor.size = size
    for part in ('labeled', 'unlabeled'):
        steps = cfg.train_dataloader.dataset[part].pipeline
        step, = (step for step in steps if step.type == 'RandomCrop')
        step.crop_size = crop
        for inner in steps[-1].get('strong', []):
            if 'canvas' in inner:
                inner.canvas = crop
    text = told(cfg, fatal)
    assert f'{LABELED}.pipeline: RandomCrop.crop_size is {crop}' in text
    assert 'but model.data_preprocessor.size is' in text
    assert f'model.data_preprocessor.size={crop}' in text


def test_a_forgotten_canvas(cfg):
    steps = cfg.train_dataloader.dataset.unlabeled.pipeline[-1].strong
    box, = (step for step in steps if step.type == 'CutOut')
    assert box.canvas == (145, 145)
    box.canvas = (97, 97)
    text = told(cfg, fatal=False)
    assert 'CutOut.canvas is (97, 97)' in text
    assert text.endswith('set canvas=(145, 145)')


def test_tags_that_nobody_reads(cfg):
    cfg.train_dataloader.dataset.tag_file = 'tags.txt'
    text = told(cfg, fatal=False)
    assert 'tag_file is set, but the tags are not used: set model.image_label'\
        in text
    cfg.model.image_labels = True
    assert not check_config(cfg)


@pytest.mark.parametrize('gpu', [True, False])
def test_a_recipe_for_gpus_without_one(cfg, gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
    assert not check_config(cfg)  # small enough for a CPU
    large = Config.fromfile(ROOT / 'configs/pseudoseg/voc_1_8.py')
    text = told(large, fatal=False)
    assert ('24 passes at 513 x 513' in text) != gpu
    assert ('configs/small' in text) != gpu


def test_images_a_step(cfg):
    assert images_a_step(cfg) == dict(labeled=4, unlabeled=12)
    cfg.train_dataloader.pop('batch_sampler')
    assert images_a_step(cfg) == dict(labeled=16)


STAGES = [Stage(i, c, 4 * 2**i) for i, c in enumerate((64, 128, 256, 512))]


def test_channels_of_another_backbone(cfg):
    """By hand: ResNet-18 under heads made for MobileNetV2."""
    found = channel_problems(cfg.model, STAGES)
    assert [(p.key, p.remedy) for p in found] == [
        ('model.decode_head.in_channels',
         'set model.decode_head.in_channels=512'),
        ('model.decode_head.c1_in_channels',
         'set model.decode_head.c1_in_channels=64'),
        ('model.sgc_head.in_channels',
         'set model.sgc_head.in_channels=(256, 512)')]
    cfg.model.decode_head.update(in_channels=512, c1_in_channels=64)
    cfg.model.sgc_head.update(in_channels=(256, 512))
    assert not channel_problems(cfg.model, STAGES)


def test_channels_of_several_maps_and_positions():
    model = ConfigDict(decode_head=[
        dict(in_channels=[64, 128, 256, 512], in_index=[0, 1, 2, 3]),
        dict(in_channels=512)], auxiliary_head=dict(
            in_channels=256, in_index=4))
    problem, = channel_problems(model, STAGES)
    assert problem.key == 'model.auxiliary_head.in_index'
    assert 'gives 4 maps' in problem.text
    model.decode_head[0].in_channels = [64, 128, 256, 511]
    model.auxiliary_head.in_index = 2
    problem, = channel_problems(model, STAGES)
    assert problem.remedy == (
        'set model.decode_head.0.in_channels=(64, 128, 256, 512)')


@pytest.mark.parametrize('norm, batch, refused', [
    (dict(type='BN'), 2, True), (dict(type='BN'), 4, False),
    (dict(type='SyncBN'), 2, False),
    (dict(type='GN', num_groups=2), 2, False)])
def test_one_image_behind_an_image_pool(norm, batch, refused):
    cfg = Config(dict(
        train_dataloader=dict(batch_size=batch, batch_sampler=dict(
            source_ratio=dict(labeled=1, unlabeled=1))),
        model=dict(
            type='EncoderDecoder',
            backbone=dict(type='ResNet', depth=18, base_channels=8),
            decode_head=dict(
                type='ASPPHead', in_channels=64, channels=8, num_classes=3,
                dilations=(1, 2), norm_cfg=norm))))
    problems = one_image_problems(cfg, cfg.model)
    assert bool(problems) == refused
    if refused:
        text = str(problems[0])
        assert 'batch_size is 2, that is one labeled and one unlabeled' in text
        assert 'train_dataloader.batch_size=4' in text and "'GN'" in text
