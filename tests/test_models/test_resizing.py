"""Resizing by products against torch's interpolation."""

import pytest
import torch
from torch.nn import functional as F

from mmseg_pseudoseg.models.losses.resizing import (
    band_rows,
    narrow,
    parts,
    widen,
)


@pytest.mark.parametrize('align_corners', [True, False])
@pytest.mark.parametrize('old, new', [(5, 17), (9, 9), (11, 4), (1, 6)])
@pytest.mark.parametrize('step', [1, 3, 100])
def test_widen_and_its_transpose(align_corners, old, new, step):
    """Values, and the gradient that autograd finds for them."""
    draw = torch.Generator().manual_seed(0)
    small, grad = (torch.randn(4, n, generator=draw, dtype=torch.float64)
                   for n in (old, new))
    leaf = small.clone().requires_grad_()
    expected = F.interpolate(
        leaf[None, None], (4, new), mode='bilinear',
        align_corners=align_corners)[0, 0]
    spans = parts(old, new, align_corners, step, small.device, small.dtype)
    torch.testing.assert_close(
        widen(small, spans, torch.empty(4, new, dtype=torch.float64)),
        expected.detach())
    expected.backward(grad)
    torch.testing.assert_close(
        narrow(grad, spans, torch.ones_like(small)), leaf.grad + 1)


def test_bands_end_where_rows_of_the_logits_do():
    assert band_rows(38, 21, 321) == 32  # 16 pixels to a row
    assert band_rows(10, 21, 321) == 16
    assert band_rows(38, 81, 321) == 36
    assert band_rows(10**6, 21, 321) == 321
    assert band_rows(5, 2, 321) == 5  # no backbone's stride
    assert band_rows(5, 321, 21) == 5  # made smaller
    assert band_rows(0, 321, 21) == 1
