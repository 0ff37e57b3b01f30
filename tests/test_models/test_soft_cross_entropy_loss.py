"""Soft cross entropy against loops and the stock hard one."""

import pytest
import torch
import torch.nn.functional as F
from oracles import soft_cross_entropy

from mmseg_pseudoseg.models import SoftCrossEntropyLoss

SHAPE = (2, 4, 5, 3)


def case(dtype=torch.float64):
    """Logits, target, validity and weight."""
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(SHAPE, generator=draw, dtype=dtype) * 3
    target = torch.randn(SHAPE, generator=draw, dtype=dtype).softmax(dim=1)
    valid = torch.rand(2, 1, 5, 3, generator=draw) < .6
    weight = (torch.rand(2, 1, 5, 3, generator=draw) < .5).to(dtype)
    return logits, target, valid, weight


def test_equals_loops():
    logits, target, valid, weight = case()
    assert 0 < valid.sum() < valid.numel()
    for w in (None, weight):
        found = SoftCrossEntropyLoss(loss_weight=.5)(logits, target, valid, w)
        expected = soft_cross_entropy(logits, target, valid, w)
        assert found.item() == pytest.approx(.5 * expected)


def test_weights_do_not_change_the_denominator():
    logits, target, valid, weight = case()
    loss = SoftCrossEntropyLoss()
    parts = [loss(logits, target, valid, w) for w in (weight, 1 - weight)]
    torch.testing.assert_close(sum(parts), loss(logits, target, valid))
    assert loss(logits, target, valid, weight * 0) == 0


def test_one_hot_target_equals_stock_cross_entropy():
    logits, _, valid, _ = case(torch.float32)
    hard = torch.randint(0, 4, (2, 5, 3),
                         generator=torch.Generator().manual_seed(1))
    target = F.one_hot(hard, 4).permute(0, 3, 1, 2).float()
    stock = F.cross_entropy(
        logits, hard.masked_fill(~valid[:, 0], 255), ignore_index=255)
    torch.testing.assert_close(
        SoftCrossEntropyLoss()(logits, target, valid), stock)


def test_no_valid_pixel_gives_zero_with_gradient():
    logits, target, valid, _ = case(torch.float32)
    logits.requires_grad_()
    loss = SoftCrossEntropyLoss()(logits, target, valid & False)
    loss.backward()
    assert loss == 0
    assert logits.grad.eq(0).all()


def test_half_precision_logits_are_summed_in_float32():
    logits, target, valid, _ = case(torch.float32)
    loss = SoftCrossEntropyLoss()(logits.bfloat16(), target, valid)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(
        soft_cross_entropy(logits.bfloat16(), target, valid), rel=1e-5)
