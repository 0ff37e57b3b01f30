"""What each pass does to batch norm and dropout, per its documentation."""

import pytest
import torch
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm
from toys import batch, build

MODES = ('train', 'batch', 'eval')
LAYERS = ('backbone.bn1', 'backbone.layer4.1.bn2', 'decode_head.convs.0.bn')
PASSES = ('weak', 'strong', 'labeled')


def watch(model, name):
    """Record input and output of a layer at each pass."""
    seen = []
    model.get_submodule(name).register_forward_hook(
        lambda _, args, out: seen.append((args[0].detach().clone(),
                                          out.detach().clone())))
    return seen


def moments(x):
    """Mean and variances (biased, unbiased) over images and positions."""
    values = x.double().transpose(0, 1).flatten(1)
    return values.mean(1), values.var(1, correction=0), values.var(1)


@pytest.mark.parametrize('mode', MODES)
def test_statistics_and_outputs(mode):
    model = build(weak_bn=mode)
    seen = {name: watch(model, name) for name in LAYERS}
    state = {k: v.clone() for k, v in model.state_dict().items()}
    model.loss(*batch())
    modes = dict(weak=mode, strong='train', labeled='train')
    updates = sum(mode == 'train' for mode in modes.values())
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm) and name != 'sgc_head.norm':
            assert module.num_batches_tracked == updates, name
    for name in LAYERS:
        mean = state[f'{name}.running_mean'].double()
        var = state[f'{name}.running_var'].double()
        assert len(seen[name]) == 3
        for (x, out), view in zip(seen[name], PASSES):
            own, biased, unbiased = moments(x)
            used = (mean, var) if modes[view] == 'eval' else (own, biased)
            # A fresh layer: scale 1, shift 0.
            expected = (x.double() - used[0][:, None, None]) / (
                used[1][:, None, None] + 1e-5).sqrt()
            torch.testing.assert_close(out.double(), expected, rtol=1e-4,
                                       atol=1e-4)
            if modes[view] == 'train':
                mean = .9 * mean + .1 * own
                var = .9 * var + .1 * unbiased
        layer = model.get_submodule(name)
        torch.testing.assert_close(layer.running_mean.double(), mean,
                                   rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(layer.running_var.double(), var,
                                   rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('tags', [False, True])
@pytest.mark.parametrize('mode', MODES)
def test_dropout_is_off_in_eval_alone(mode, tags):
    model = build(weak_bn=mode, image_labels=tags)
    seen = watch(model, 'decode_head.dropout')
    model.loss(*batch(tags=tags))
    same = [torch.equal(x, out) for x, out in seen]
    assert same == [mode == 'eval', False, False]


def flags(model):
    return {name: (module.training,
                   getattr(module, 'track_running_stats', None))
            for name, module in model.named_modules()}


@pytest.mark.parametrize('broken', [None, 'weak', 'strong'])
@pytest.mark.parametrize('mode', MODES)
def test_flags_are_restored(mode, broken):
    model = build(weak_bn=mode)
    model.backbone.layer1.eval()  # as a backbone with norm_eval has it
    before = flags(model)
    inputs, samples = batch()
    if broken:
        inputs[broken] = inputs[broken][:, :2]
        with pytest.raises(RuntimeError):
            model.loss(inputs, samples)
    else:
        model.loss(inputs, samples)
    assert flags(model) == before


def test_sgc_norm_uses_its_own_batch_in_every_mode():
    for mode in MODES:
        model = build(weak_bn=mode)
        seen = watch(model, 'sgc_head.norm')
        model.loss(*batch())
        for _, out in seen:
            mean, biased, _ = moments(out)
            torch.testing.assert_close(mean, torch.zeros_like(mean),
                                       rtol=0, atol=1e-5)
            assert biased.min() > .5
