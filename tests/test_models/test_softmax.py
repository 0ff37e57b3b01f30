"""Softmax over the classes: values, gradients, layout."""

import pytest
import torch

from mmseg_pseudoseg.models.utils import softmax as module

LAYOUTS = {True: torch.channels_last, False: torch.contiguous_format}


@pytest.mark.parametrize('classes', [3, module.FEW, 21])
@pytest.mark.parametrize('last', [True, False])
@pytest.mark.parametrize('name', ['softmax', 'log_softmax'])
def test_equals_torch_and_keeps_the_layout(name, last, classes):
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(2, classes, 4, 5, generator=draw,
                         dtype=torch.float64)
    grad = torch.randn(logits.shape, generator=draw, dtype=torch.float64)
    one = logits.contiguous(memory_format=LAYOUTS[last]).requires_grad_()
    other = logits.requires_grad_()
    found = module.over_classes(getattr(torch, name), one)
    expected = getattr(other, name)(dim=1)
    torch.testing.assert_close(found, expected)
    found.backward(grad)
    expected.backward(grad)
    torch.testing.assert_close(one.grad, other.grad)
    if classes >= module.FEW or not last:
        assert found.is_contiguous(memory_format=LAYOUTS[last])
