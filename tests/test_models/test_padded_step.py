"""The whole step where a part of each image is padding, void or erased."""

from math import exp, log
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm
from mmseg.registry import MODELS
from oracles import (
    SGCOracle,
    array,
    bilinear_maps,
    fuse,
    nearest,
    soft_cross_entropy,
    softmax,
)
from plain_step import PlainStep, authors_sum, gradients, key_mask
from toys import batch

BASES = Path(__file__).parents[2] / 'configs' / '_base_' / 'models'
CROP, PADDED, CLASSES = 97, 25, 4
PARTS = ('sgc_head', 'decode_head', 'backbone')
PROPAGATE = 'mmseg_pseudoseg.models.decode_heads.sgc_head.propagate'
HEAD = dict(num_classes=CLASSES, channels=16)


def small():
    """The small recipe's network, a quarter as wide."""
    cfg = Config.fromfile(
        BASES / 'pseudoseg_deeplabv3plus_mobilenet-v2-d16.py').model
    cfg.backbone.widen_factor = .25
    cfg.decode_head.update(HEAD, in_channels=80, c1_in_channels=8,
                           c1_channels=16)
    cfg.decode_head.norm_cfg.num_groups = 2  # of 8 channels, as shipped
    cfg.sgc_head.update(HEAD, in_channels=(24, 80))
    cfg.pseudo_label.threshold = .6  # random weights are not as sure
    cfg.unsup_start = 0
    return cfg


def paper():
    """The paper's recipe on ResNet-50, an eighth as wide."""
    cfg = Config.fromfile(BASES / 'pseudoseg_deeplabv3plus_r50-d16.py').model
    cfg.pretrained = None
    cfg.backbone.update(base_channels=8, stem_channels=8)
    cfg.decode_head.update(HEAD, in_channels=256, c1_in_channels=32,
                           c1_channels=8)
    cfg.sgc_head.update(HEAD, in_channels=(128, 256))
    return cfg


def build(cfg):
    """In float64, in training; no weight and no statistic at rest."""
    cfg.data_preprocessor.size = (CROP, CROP)
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    torch.nn.init.normal_(model.sgc_head.norm.bias)
    torch.nn.init.normal_(model.decode_head.conv_seg.weight)
    norms = [m for m in model.backbone.modules() if isinstance(m, _BatchNorm)]
    for norm in norms:
        norm.momentum = 1.
        norm.train()
        torch.nn.init.ones_(norm.weight)
    model.double()(torch.randn(2, 3, CROP, CROP).double())
    return model.train()


def padded(where):
    """A batch with padding, void pixels of the masks, and an erased box."""
    inputs, samples = batch(CLASSES, CROP)
    for view, images in inputs.items():
        images = images.double() + torch.arange(CROP) / CROP  # not all alike
        for k, sample in enumerate(samples[view]):
            mask = sample.gt_sem_seg.data
            mask[mask == 255] = 0
            if view == 'labeled':
                mask[:, 30:34, 8:60] = 255
            if view == 'strong':
                mask[:, 20:44, 9 + 20 * k:33 + 20 * k] = 255
                images[k, :, 20:44, 9 + 20 * k:33 + 20 * k] = 0
            for rows, columns in (
                    (slice(None), slice(CROP - PADDED, None)),
                    (slice(CROP - PADDED, None), slice(None)))[
                        where == 'below':1 + (where != 'right')]:
                mask[:, rows, columns] = 255
                images[k, :, rows, columns] = 0
        inputs[view] = images
    return inputs, samples


def step(function, model, data):
    """Losses and gradients; dropout draws the same."""
    torch.manual_seed(1)
    losses = function(*data)
    return losses, gradients(losses, model)


def off(one, other, part):
    """Distance of two gradients of a part, relative to the second."""
    pairs = [(one[k], other[k]) for k in other
             if k.startswith(part) and other[k] is not None]
    apart = sum((a - b).square().sum() for a, b in pairs)
    return (apart / sum(b.square().sum() for _, b in pairs)).sqrt().item()


@pytest.mark.parametrize('where', ['right', 'below', 'both'])
@pytest.mark.parametrize('recipe', [small, paper])
def test_equals_the_pair_mask(recipe, where, monkeypatch):
    model, data = build(recipe()), padded(where)
    losses, found = step(model.loss, model, data)
    expected_losses, expected = step(PlainStep(model), model, data)
    counted = losses['pseudo.weight'].item()
    assert 0 < counted < 1 if recipe is small else counted == 1
    for key, value in expected_losses.items():
        assert losses[key].item() == pytest.approx(value.item(), rel=1e-5), key
    assert {k for k in losses if 'loss' in k} == expected_losses.keys()
    for name, grad in expected.items():
        assert grad.ne(0).any(), name
        torch.testing.assert_close(found[name], grad, rtol=1e-5,
                                   atol=1e-5 * grad.abs().max(), msg=name)
    # So nothing less than masked pairs does. The authors' sum has the losses,
    # and a gradient of SGC that follows no change of them.
    for attention, parts in ((key_mask, PARTS), (authors_sum, PARTS[:1])):
        monkeypatch.setattr(PROPAGATE, attention)
        other_losses, other = step(model.loss, model, data)
        for part in parts:
            assert off(other, expected, part) > 1e-3, (attention, part)
    for key, value in expected_losses.items():
        assert other_losses[key].item() == pytest.approx(
            value.item(), rel=1e-5), key


@pytest.mark.parametrize('where', ['right', 'below', 'both'])
def test_losses_equal_loops(where):
    cfg = small()
    cfg.decode_head.dropout_ratio = 0
    model, (inputs, samples) = build(cfg), padded(where)
    losses = model.loss(inputs, samples)
    oracle, size = SGCOracle(model.sgc_head), (CROP, CROP)
    with torch.no_grad():
        feats = {k: model.extract_feat(v) for k, v in inputs.items()}
        decoder = {k: model.decode_head(v) for k, v in feats.items()}
        weak = model.eval().extract_feat(inputs['weak'])
        weak_decoder = array(model.decode_head(weak))
    masks, maps = (np.array([s.gt_sem_seg.data[0].numpy() for s in samples[v]])
                   for v in ('labeled', 'strong'))
    present = [[float((mask == c).any()) for c in range(1, CLASSES)]
               for mask in masks]
    valid = torch.from_numpy(masks != 255)[:, None]
    logits, _, sgc = oracle(feats['labeled'], present, valid)
    found = {'labeled.sgc.loss_cls': np.mean([
        log(1 + exp(-v if label else v))
        for v, label in zip(logits.ravel(), np.ravel(present))])}
    for name, scores in (('decode', array(decoder['labeled'])), ('sgc', sgc)):
        wide = bilinear_maps(scores, size, True)
        found[f'labeled.{name}.loss_ce'] = np.mean([
            -log(softmax(list(wide[n, :, y, x]))[masks[n, y, x]])
            for n, y, x in np.ndindex(masks.shape) if masks[n, y, x] != 255])
    real = torch.from_numpy(maps != 255)[:, None]
    _, _, sgc = oracle(weak, None, real)
    label, weight = fuse(weak_decoder, sgc, .5, 1., None, threshold=.6,
                         align_corners=True)
    real = np.array([[nearest(one[0].numpy(), label.shape[2:])]
                     for one in real])
    found['strong.loss_soft_ce'] = soft_cross_entropy(
        decoder['strong'], torch.from_numpy(label), real, weight)
    for key, value in found.items():
        assert losses[key].item() == pytest.approx(value, rel=1e-6), key
