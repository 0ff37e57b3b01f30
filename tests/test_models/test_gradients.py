"""Which loss trains which weights, and that every weight is trained."""

from contextlib import nullcontext

import pytest
import torch
from toys import batch, build, total

ATTENTION = {f'sgc_head.{name}' for name in (
    'query.weight', 'key.weight', 'project.weight', 'norm.bias')}
CLASSIFIER = {'sgc_head.conv_cls.weight', 'sgc_head.conv_cls.bias'}


def below(model, *parts):
    """Names of the trainable weights of some parts."""
    return {n for n, p in model.named_parameters()
            if p.requires_grad and n.startswith(parts)}


def reached(loss, model):
    """Names of the weights that the loss has any gradient for."""
    params = {n: p for n, p in model.named_parameters() if p.requires_grad}
    gradients = torch.autograd.grad(
        loss, list(params.values()), allow_unused=True, retain_graph=True)
    found = {n for n, g in zip(params, gradients) if g is not None}
    assert found == {n for n, g in zip(params, gradients)
                     if g is not None and g.ne(0).any()}
    return found


@pytest.mark.parametrize('background', ['after', 'before'])
@pytest.mark.parametrize('tags', [False, True])
def test_each_loss_reaches_what_it_may(tags, background):
    model = build(image_labels=tags)
    model.sgc_head.background = background
    losses = model.loss(*batch(tags=tags))
    network = below(model, 'backbone.', 'decode_head.')
    classifier = below(model, 'backbone.') | CLASSIFIER
    expected = {
        'labeled.decode.loss_ce': network,
        'labeled.sgc.loss_ce': ATTENTION,
        'labeled.sgc.loss_cls': classifier,
        'strong.loss_soft_ce': network
    }
    if tags:
        expected['weak.sgc.loss_cls'] = classifier
    assert below(model, 'sgc_head.') == ATTENTION | CLASSIFIER
    for key, names in expected.items():
        assert reached(losses[key], model) == names, key
    assert {k for k in losses if 'loss' in k} == set(expected)
    for key in ('pseudo.confidence', 'pseudo.weight'):
        assert not losses[key].requires_grad


@pytest.mark.parametrize('tags', [False, True])
def test_weak_view_trains_the_classifier_alone(tags):
    model = build(image_labels=tags)
    inputs, samples = batch(tags=tags)
    inputs['weak'].requires_grad_()
    losses = model.loss(inputs, samples)
    for key in [k for k in losses if 'loss' in k]:
        gradient, = torch.autograd.grad(
            losses[key], inputs['weak'], allow_unused=True,
            retain_graph=True)
        assert (gradient is not None) == key.startswith('weak.'), key
    assert any(k.startswith('weak.') for k in losses) == tags


@pytest.mark.parametrize('tags', [False, True])
def test_weak_pass_keeps_no_more_graph_than_it_needs(tags):
    """Otherwise its activations would stay in memory."""
    model = build(image_labels=tags)
    graph = {}

    def record(name, out):
        graph.setdefault(name, out[-1].requires_grad)  # weak comes first

    for name in ('backbone', 'decode_head', 'sgc_head'):
        model.get_submodule(name).register_forward_hook(
            lambda _, args, out, name=name: record(name, out))
    model.loss(*batch(tags=tags))
    assert graph == dict(backbone=tags, decode_head=False, sgc_head=False)


@pytest.mark.parametrize('mode', ['train', 'batch', 'eval'])
@pytest.mark.parametrize('tags', [False, True])
@pytest.mark.parametrize('amp', [False, True])
def test_every_weight_has_a_gradient(amp, tags, mode):
    model = build(image_labels=tags, weak_bn=mode)
    with torch.autocast('cpu', torch.bfloat16) if amp else nullcontext():
        losses = model.loss(*batch(tags=tags))
    assert losses['pseudo.confidence'].dtype == torch.float32
    total(losses).backward()
    for name, p in model.named_parameters():
        if p.requires_grad:
            assert p.grad is not None, name
            assert torch.isfinite(p.grad).all(), name
            assert p.grad.ne(0).any(), name
        else:
            assert name == 'sgc_head.norm.weight'


def test_half_precision_gradients_point_the_same_way():
    """A pass without gradient must not cost the next one its own."""
    flat = []
    for amp in (False, True):
        model = build(head=dict(dropout_ratio=0))
        with torch.autocast('cpu', torch.bfloat16) if amp else nullcontext():
            losses = model.loss(*batch())
        losses['strong.loss_soft_ce'].backward()
        flat.append(torch.cat([p.grad.flatten() for n, p in
                               model.named_parameters()
                               if not n.startswith('sgc_head')]))
    assert torch.cosine_similarity(*flat, dim=0) > .5
