"""Xception's maps against timm's layers, called one by one."""

import sys

import pytest
import timm
import torch
from conftest import ROOT
from mmengine.config import Config
from mmseg.registry import MODELS
from torch.nn.functional import relu
from torch.nn.modules.batchnorm import _BatchNorm

BASES = ROOT / 'configs' / '_base_' / 'models'


def build(name='xception41', **kwargs):
    return MODELS.build(dict(
        type='AlignedXception', model_name=name, **kwargs))


def twins(name, output_stride):
    """Ours, and the whole network of timm with the same weights; float64."""
    torch.manual_seed(0)
    whole = timm.create_model(name, output_stride=output_stride).double()
    ours = build(name, output_stride=output_stride,
                 out_indices=(0, 1, 2, 3, 4)).double()
    state = whole.state_dict()
    ours.load_state_dict({
        key: state[key.removeprefix('timm_model.').replace('_', '.', 1)]
        for key in ours.state_dict()})
    return ours, whole


def walk(whole, images):
    """The five maps, from the layers of blocks, none of them in place."""
    maps, x = [], whole.stem(images)
    for block in whole.blocks:
        stack = block.stack
        if hasattr(stack, 'act3'):
            middle = stack.conv2(relu(stack.conv1(relu(x))))
            if stack.conv3.conv_dw.stride == (2, 2):
                maps.append(middle)
            skip = x if block.shortcut is None else block.shortcut(x)
            x = stack.conv3(relu(middle)) + skip
        else:  # the last block: activations inside, no shortcut
            maps.append(x)
            x = stack.conv3(stack.conv2(stack.conv1(x)))
    return [*maps, x]


@pytest.mark.parametrize(('name', 'training'), [
    ('xception41', False), ('xception65', True)])
def test_maps_and_gradients_equal_a_walk_through_the_blocks(name, training):
    ours, whole = twins(name, 16)
    draw = torch.Generator().manual_seed(1)
    images = torch.randn(2, 3, 33, 33, generator=draw, dtype=torch.float64)
    outputs = []
    whole.blocks[-2].register_forward_hook(
        lambda *call: outputs.append(call[-1]))
    whole.blocks[-1].register_forward_hook(
        lambda *call: outputs.append(call[-1]))
    whole.train(training)(images)  # timm's own forward pass
    wanted = walk(whole, images)
    maps = ours.train(training)(images)
    assert len(maps) == 5
    for ours_, theirs in zip(maps, wanted):
        torch.testing.assert_close(ours_, theirs, rtol=0, atol=1e-9)
    for ours_, theirs in zip(maps[3:], outputs):
        torch.testing.assert_close(ours_, theirs, rtol=0, atol=1e-9)
    assert all((one < 0).any() for one in maps[:4]), 'there is no ReLU'
    assert (maps[4] >= 0).all()
    weights = [torch.randn(one.shape, generator=draw, dtype=one.dtype)
               for one in maps]

    def gradient(taps, first):
        loss = sum((a * b).sum() for a, b in zip(taps, weights))
        return torch.autograd.grad(loss, first)[0]

    torch.testing.assert_close(
        gradient(maps, ours.timm_model['stem_0'].conv.weight),
        gradient(wanted, whole.stem[0].conv.weight), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(('output_stride', 'strides'), [
    (8, (2, 4, 8, 8, 8)), (16, (2, 4, 8, 16, 16)), (32, (2, 4, 8, 32, 32))])
def test_strides_channels_and_choice(output_stride, strides):
    sizes = [(d, 64 // s, 64 // s) for d, s in zip(
        (128, 256, 728, 1024, 2048), strides)]
    chosen = (1, 3, 4)
    backbone = build(output_stride=output_stride, out_indices=chosen).eval()
    with torch.no_grad():
        maps = backbone(torch.randn(1, 3, 64, 64))
    assert [tuple(one.shape[1:]) for one in maps] == [
        sizes[k] for k in chosen]
    info = backbone.timm_model.feature_info
    assert info.channels() == [sizes[k][0] for k in chosen]
    assert info.reduction() == [strides[k] for k in chosen]


def test_xception71_has_its_maps_at_the_strided_blocks():
    ours, whole = twins('xception71', 16)
    images = torch.randn(1, 3, 33, 33, dtype=torch.float64)
    wanted = walk(whole.eval(), images)
    maps = ours.eval()(images)
    assert len(maps) == len(wanted) == 5
    for ours_, theirs in zip(maps, wanted):
        torch.testing.assert_close(ours_, theirs, rtol=0, atol=1e-9)


def test_shipped_backbone_has_the_authors_batch_norm_and_fits_its_heads():
    model = Config.fromfile(
        BASES / 'pseudoseg_deeplabv3plus_x65-d16.py').model
    backbone = MODELS.build(model.backbone)
    norms = [m for m in backbone.modules() if isinstance(m, _BatchNorm)]
    assert len(norms) == 132
    assert {(m.momentum, m.eps) for m in norms} == {(3e-4, 1e-3)}
    with torch.no_grad():
        maps = backbone.eval()(torch.zeros(1, 3, 33, 33))
    channels = [one.shape[1] for one in maps]
    head, sgc = model.decode_head, model.sgc_head
    assert channels[head.in_index] == head.in_channels
    assert channels[0] == head.c1_in_channels
    assert tuple(channels[k] for k in sgc.in_index) == sgc.in_channels
    assert [one.shape[-1] for one in maps] == [9, 5, 3, 3]
    assert sgc.dropout_ratio == 0.5


def test_bn_momentum_is_a_key():
    backbone = build(bn_momentum=0.25)
    assert {m.momentum for m in backbone.modules()
            if isinstance(m, _BatchNorm)} == {0.25}


@pytest.mark.parametrize('kind', ['TIMMBackbone', 'mmpretrain.TIMMBackbone'])
def test_checkpoints_of_the_stock_wrappers_load_strictly(kind):
    """Xception was a wrapper of mmpretrain before."""
    if '.' in kind:
        pytest.importorskip('mmpretrain')
    old = MODELS.build(dict(
        type=kind, model_name='xception41', features_only=True,
        pretrained=False, output_stride=16, out_indices=(1, 2, 3, 4)))
    build().load_state_dict(old.state_dict(), strict=True)
    assert list(old.state_dict()) == list(build().state_dict())


def test_places_may_count_from_the_end():
    torch.manual_seed(0)
    first, last = build(), build(out_indices=(-4, -3, -2, -1))
    last.load_state_dict(first.state_dict())
    images = torch.randn(1, 3, 33, 33)
    for one, other in zip(first.eval()(images), last.eval()(images)):
        assert one.equal(other)


def test_without_timm(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm.models', None)
    with pytest.raises(ImportError, match='pip install "timm'):
        build()


@pytest.mark.parametrize('name', ['xception65p', 'resnet18'])
def test_other_networks_are_refused(name):
    with pytest.raises(ValueError, match=f"model_name='{name}'"):
        build(name)
