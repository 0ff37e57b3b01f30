"""The fused pseudo label against loops over pixels in float64."""

from itertools import product

import numpy as np
import pytest
import torch
from oracles import array, fuse

from mmseg_pseudoseg.models import CalibratedFusion

DECODER, SMALL, SAME = (2, 4, 7, 6), (2, 4, 3, 4), (2, 4, 7, 6)


def logits(shape=SMALL, seed=0, spread=3., dtype=torch.float64):
    """Two sources of unlike magnitude."""
    draw = torch.Generator().manual_seed(seed)
    decoder = torch.randn(DECODER, generator=draw, dtype=dtype) * spread
    return decoder, torch.randn(shape, generator=draw, dtype=dtype)


CASES = [
    dict(norm=norm, temperature=t, gamma=g, align_corners=align)
    for norm, t, g, align in product(
        ('rms', 'l2', None), (.2, .5, 1, 2), (.3, .5), (False, True))
] + [dict(gamma=g) for g in (0, 1)] + [
    dict(source=source, norm=norm, temperature=t, hard=hard, threshold=thr)
    for source, norm, t, hard, thr in product(
        ('fused', 'decoder', 'sgc'), ('rms', None), (.5, 1), (False, True),
        (None, .45))
]


@pytest.mark.parametrize('shape', [SMALL, SAME])
@pytest.mark.parametrize('case', CASES, ids=str)
def test_equals_loops(case, shape):
    decoder, sgc = logits(shape)
    label, weight = CalibratedFusion(**case)(decoder, sgc)
    expected = fuse(array(decoder), array(sgc), **case)
    np.testing.assert_allclose(label, expected[0], rtol=1e-6, atol=1e-12)
    np.testing.assert_array_equal(weight, expected[1])
    assert not label.requires_grad and not weight.requires_grad


def test_threshold_is_taken_after_sharpening_unless_hard():
    decoder, sgc = logits()
    kept = {}
    for hard, temperature in product((False, True), (.5, 1)):
        fusion = CalibratedFusion(
            hard=hard, temperature=temperature, threshold=.45)
        kept[hard, temperature] = fusion(decoder, sgc)[1].sum().item()
    assert 0 < kept[False, 1] < kept[False, .5] < 7 * 6 * 2
    assert kept[True, .5] == kept[True, 1] == kept[False, 1]


@pytest.mark.parametrize('norm', ['rms', 'l2'])
@pytest.mark.parametrize('factor', [.05, 40.])
def test_joint_scale_does_not_matter(norm, factor):
    decoder, sgc = logits()
    fusion = CalibratedFusion(norm=norm)
    label = fusion(decoder, sgc)[0]
    torch.testing.assert_close(
        fusion(decoder * factor, sgc * factor)[0], label, rtol=1e-4,
        atol=1e-6)
    plain = CalibratedFusion(norm=None)
    assert not torch.allclose(
        plain(decoder * factor, sgc * factor)[0], plain(decoder, sgc)[0],
        atol=1e-2)


def test_rms_is_shared_by_the_batch_and_l2_is_not():
    decoder, sgc = logits()
    louder = decoder.clone()
    louder[1] *= 10
    for norm, alone in (('rms', False), ('l2', True)):
        fusion = CalibratedFusion(norm=norm)
        one, other = (fusion(d, sgc)[0][0] for d in (decoder, louder))
        assert torch.allclose(one, other, atol=1e-3) == alone


@pytest.mark.parametrize('norm', ['rms', 'l2', None])
def test_classes_are_treated_alike(norm):
    decoder, sgc = logits()
    order = torch.tensor([2, 0, 3, 1])
    fusion = CalibratedFusion(norm=norm, temperature=.7)
    torch.testing.assert_close(
        fusion(decoder[:, order], sgc[:, order])[0],
        fusion(decoder, sgc)[0][:, order])


def test_small_temperature_and_large_logits_stay_finite():
    decoder, sgc = logits(dtype=torch.float32, spread=300.)
    for norm, hard in product(('rms', 'l2', None), (False, True)):
        label, _ = CalibratedFusion(
            temperature=.01, norm=norm, hard=hard)(decoder, sgc)
        torch.testing.assert_close(label.sum(dim=1),
                                   torch.ones(DECODER[0], 7, 6))
    zeros = torch.zeros(DECODER)
    label, weight = CalibratedFusion()(zeros, zeros)
    torch.testing.assert_close(label, torch.full(DECODER, .25))
    assert weight.eq(1).all()


def test_float32_without_gradient_under_autocast():
    decoder, sgc = (x.bfloat16().requires_grad_() for x in logits())
    fusion = CalibratedFusion(threshold=.5)
    with torch.autocast('cpu', torch.bfloat16):
        label, weight = fusion(decoder, sgc)
    plain = fusion(decoder.float(), sgc.float())
    for found, expected in zip((label, weight), plain):
        assert found.dtype == torch.float32 and not found.requires_grad
        assert torch.equal(found, expected)
    exact = fuse(array(decoder), array(sgc))[0]
    np.testing.assert_allclose(label, exact, atol=1e-5)
    np.testing.assert_allclose(label.sum(dim=1), 1, atol=1e-6)


@pytest.mark.parametrize('key, value', [
    ('gamma', -.1), ('gamma', 1.1), ('temperature', 0), ('temperature', -1),
    ('norm', 'none'), ('source', 'both')])
def test_bad_arguments_are_named(key, value):
    with pytest.raises(ValueError, match=f'pseudo_label.{key}.*{value}'):
        CalibratedFusion(**{key: value})
