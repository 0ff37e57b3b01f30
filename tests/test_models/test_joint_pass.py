"""Strong view and labelled images as one batch: the same step."""

from pathlib import Path

import pytest
import torch
from conftest import tiny_model
from mmengine.config import Config
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import nn
from toys import batch, build, count_calls, total

from mmseg_pseudoseg.models.utils import split_feats

CONFIGS = Path(__file__).parents[2] / 'configs'
SMALL = sorted(CONFIGS.glob('small/pseudoseg_*.py'))
KEY = 'model.joint_pass'


def frozen(norm_eval=True, **kwargs):
    """The tiny network, by default with running statistics below its heads."""
    backbone = dict(tiny_model()['backbone'], norm_eval=norm_eval)
    return build(backbone=backbone, joint_pass=True, **kwargs)


def shipped(path):
    """The config's network in float64, random weights, in training."""
    cfg = Config.fromfile(path).model
    cfg.unsup_start = 0
    cfg.pseudo_label.threshold = None  # random weights are sure of nothing
    cfg.backbone.init_cfg = None
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    return model.double().train(), cfg


def step(model, classes, crop, tags=False):
    """Losses and gradients of one step; dropout draws the same."""
    inputs, samples = batch(classes=classes, crop=crop, tags=tags, images=3)
    torch.manual_seed(1)
    losses = model.loss({k: v.double() for k, v in inputs.items()}, samples)
    model.zero_grad()
    total(losses).backward()
    return losses, {name: weight.grad
                    for name, weight in model.named_parameters()}


@pytest.mark.parametrize('path', SMALL, ids=lambda path: path.stem)
def test_the_shipped_step_is_that_of_separate_passes(path):
    model, cfg = shipped(path)
    assert model.joint_pass
    args = cfg.decode_head.num_classes, 65, cfg.get('image_labels', False)
    calls = count_calls(model.backbone)
    losses, grads = step(model, *args)
    assert calls['forward'] == 2
    model.joint_pass = False
    expected, expected_grads = step(model, *args)
    assert calls['forward'] == 2 + 3
    assert losses.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(losses[key], value, rtol=1e-9, atol=1e-12)
    assert any(g is not None for name, g in grads.items()
               if name.startswith('backbone'))
    for name, grad in expected_grads.items():
        torch.testing.assert_close(grads[name], grad, rtol=1e-6, atol=1e-10,
                                   msg=name)


def test_labelled_images_pass_alone_before_the_start():
    model = frozen(unsup_start=5)
    seen = []
    model.backbone.register_forward_pre_hook(
        lambda _, args: seen.append(len(args[0])))
    model.loss(*batch())
    model.unsup_start = 0
    model.loss(*batch())
    assert seen == [2, 2, 4]


def test_statistics_of_the_batch_are_refused():
    with pytest.raises(ValueError, match=f'{KEY}=True, but backbone.bn1 '
                       r'\(BatchNorm2d\).*norm_eval=True'):
        frozen(norm_eval=False)
    build(backbone=dict(tiny_model()['backbone']))  # fine without the key


class Statistics(nn.Module):
    """A norm of its own kind, as timm has some."""

    def __init__(self):
        super().__init__()
        self.register_buffer('running_var', torch.ones(3))


class Neck(BaseModule):
    """Its ``layer``, and the maps as they are."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, feats):
        return feats


@pytest.mark.parametrize('layer, refused', [
    (nn.BatchNorm2d(3, track_running_stats=False).eval(), True),
    (nn.SyncBatchNorm(3), True),
    (Statistics(), True),
    (nn.GroupNorm(1, 3), False),
    (nn.LayerNorm(3), False),
])
def test_what_mixes_images_is_refused_in_training_alone(layer, refused):
    model = frozen()
    model.neck = Neck(layer)
    model.eval()
    if refused:
        with pytest.raises(ValueError, match=f'{KEY}=True, but neck.layer'):
            model.train()
    else:
        model.train()
        model.loss(*batch())


def test_heads_may_normalise_with_their_batch():
    model = frozen()
    assert model.decode_head.convs[0].bn.training
    model.loss(*batch())
    assert model.decode_head.convs[0].bn.num_batches_tracked == 3


def test_views_of_different_size_are_refused():
    inputs, samples = batch()
    inputs['strong'] = inputs['strong'][..., 1:]
    with pytest.raises(ValueError, match=rf'{KEY}.*\(33, 32\).*\(33, 33\)'):
        frozen().loss(inputs, samples)


def test_maps_and_pairs_are_split():
    """A transformer's pair of map and class token stays a pair."""
    plane, token = torch.rand(5, 6, 2, 2), torch.rand(5, 6)
    few, many = split_feats([plane, (plane, token)], [2, 3])
    for found, rows in ((few, slice(0, 2)), (many, slice(2, 5))):
        assert torch.equal(found[0], plane[rows])
        assert torch.equal(found[1][0], plane[rows])
        assert torch.equal(found[1][1], token[rows])
