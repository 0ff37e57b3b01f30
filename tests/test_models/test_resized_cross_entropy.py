"""Cross entropy in bands against torch's resize and cross entropy."""

import pytest
import torch
from torch.nn import functional as F

from mmseg_pseudoseg.models.losses import resized_cross_entropy as function
from mmseg_pseudoseg.models.losses import resized_cross_entropy_sums
from mmseg_pseudoseg.models.losses.resized_cross_entropy import BAND, SPAN


def plain(logits, masks, align_corners):
    """What the stock head and loss do."""
    big = F.interpolate(logits, masks.shape[1:], mode='bilinear',
                        align_corners=align_corners)
    total = F.cross_entropy(big, masks, ignore_index=255, reduction='sum')
    return total / (masks != 255).sum().clamp(min=1)


def case(size, classes=5, number=2):
    """Logits of a small map and masks with ignored pixels."""
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(number, classes, 7, 5, generator=draw,
                         dtype=torch.float64) * 3
    masks = torch.randint(0, classes, (number, *size), generator=draw)
    masks[0, :3] = 255
    masks[1, :, 1] = 255
    return logits, masks


@pytest.mark.parametrize('align_corners', [True, False])
@pytest.mark.parametrize('size', [(33, 21), (7, 5), (64, 3), (4, 40)])
@pytest.mark.parametrize('rows, span', [(1, 1), (4, 8), (10**6, 10**6)])
def test_equals_torch(align_corners, size, rows, span, monkeypatch):
    """Loss and gradient; larger, equal, smaller; bands of few and all rows."""
    logits, masks = case(size)
    monkeypatch.setitem(BAND, 'cpu', rows * 2 * 5 * size[1])
    monkeypatch.setitem(SPAN, 'cpu', span)
    found = []
    for loss_of in (function, plain):
        leaf = logits.clone().requires_grad_()
        loss = loss_of(leaf, masks, align_corners)
        found.append((loss, torch.autograd.grad(.5 * loss, leaf)[0]))
    for one, other in zip(*found):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=1e-12)
    assert found[0][1].any()


@pytest.mark.parametrize('align_corners', [True, False])
def test_hits_and_pixels(align_corners):
    logits, masks = case((33, 21))
    sums = resized_cross_entropy_sums(logits, masks, align_corners)
    big = F.interpolate(logits, (33, 21), mode='bilinear',
                        align_corners=align_corners)
    assert sums.hits == (big.argmax(dim=1) == masks).sum() > 100
    assert sums.pixels == (masks != 255).sum() > sums.hits
    assert not sums.hits.requires_grad


def test_nothing_valid_is_zero_with_a_gradient():
    logits, masks = case((9, 9))
    leaf = logits.requires_grad_()
    loss = function(leaf, torch.full_like(masks, 255), True)
    assert loss == 0
    assert not torch.autograd.grad(loss, leaf)[0].any()


def test_large_logits_do_not_overflow():
    logits, masks = case((9, 9))
    logits = (logits * 1e4).float()
    torch.testing.assert_close(
        function(logits, masks, False), plain(logits, masks, False))


def test_half_precision_is_computed_in_single():
    logits, masks = case((33, 21))
    half = logits.bfloat16().requires_grad_()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = function(half, masks, True)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(
        loss, plain(half.detach().float(), masks, True))
    assert torch.autograd.grad(loss, half)[0].dtype == torch.bfloat16


def test_a_label_outside_the_classes_is_an_error():
    logits, masks = case((9, 9))
    for label in (5, -1):
        masks[0, 5, 5] = label
        with pytest.raises(IndexError, match='out of range'):
            function(logits, masks, True)


def test_nothing_of_the_full_size_is_made(monkeypatch):
    """21 classes at 129 x 129: 0.35 million values, a band has a tenth."""
    sizes = []

    class Sizes(torch.utils._python_dispatch.TorchDispatchMode):

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor):
                sizes.append(out.numel())
            return out

    monkeypatch.setitem(BAND, 'cpu', 2**15)
    logits = torch.randn(1, 21, 9, 9)
    masks = torch.randint(0, 21, (1, 129, 129))
    with Sizes():
        function(logits, masks, True)
    assert 2**14 < max(sizes) < 21 * 129 * 129 / 8


def test_torch_calls_it_deterministic():
    logits, masks = case((9, 9))
    leaf = logits.requires_grad_()
    torch.use_deterministic_algorithms(True)
    try:
        grads = [torch.autograd.grad(function(leaf, masks, True), leaf)[0]
                 for _ in range(2)]
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(*grads)
