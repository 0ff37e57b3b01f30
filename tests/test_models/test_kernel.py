"""A 1 x 1 convolution as a product, and the layout of its gradient."""

import pytest
import torch
from torch import nn

from mmseg_pseudoseg.models.utils import kernel_matrix


@pytest.mark.parametrize('layout', [
    torch.contiguous_format, torch.channels_last])
def test_product_and_gradient_are_those_of_the_convolution(layout):
    torch.manual_seed(0)
    conv = nn.Conv2d(5, 3, 1, bias=False).double().to(memory_format=layout)
    x = torch.randn(2, 5, 4, 7, dtype=torch.float64)
    found = torch.matmul(kernel_matrix(conv.weight), x.flatten(2))
    torch.testing.assert_close(found.unflatten(2, (4, 7)), conv(x))
    expected, = torch.autograd.grad(conv(x).square().sum(), conv.weight)
    gradient, = torch.autograd.grad(found.square().sum(), conv.weight)
    torch.testing.assert_close(gradient, expected)
    assert gradient.stride() == conv.weight.stride()
