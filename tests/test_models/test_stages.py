"""Stages of a backbone, and the two that form the hypercolumn."""

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_pseudoseg.models.utils import (
    Stage,
    find_stages,
    hypercolumn,
    stage_map,
)


def maps(*shapes):
    return [torch.zeros(2, channels, size, size) for channels, size in shapes]


# Sizes of the outputs for an image of 64, positions of the hypercolumn.
@pytest.mark.parametrize('sizes, expected', [
    ((16, 8, 4, 2), (2, 3)),  # ResNet, Swin, MiT
    ((16, 8, 8, 8), (2, 3)),  # dilated
    ((4, 4, 4, 4), (2, 3)),  # plain vision transformer
    ((4, 8, 16, 32, 64), (1, 0)),  # UNet: coarse to fine
    ((8, 16, 8, 4, 2), (3, 4)),  # BiSeNetV2: the fused map first
    ((8, 2, 8), (2, 1)),  # Fast-SCNN: the fused map last
    ((32, ), (0, )),
])
def test_the_last_two_of_the_hierarchy(sizes, expected):
    stages = find_stages(maps(*((7 + i, s) for i, s in enumerate(sizes))), 64)
    assert stages == [(i, 7 + i, 64 / s) for i, s in enumerate(sizes)]
    assert tuple(stage.position for stage in hypercolumn(stages)) == expected


def test_a_class_token_beside_the_map():
    plane, token = torch.rand(2, 6, 4, 4), torch.rand(2, 6)
    assert find_stages(([plane, token], (plane, token)), 64) == [
        Stage(0, 6, 16.), Stage(1, 6, 16.)]
    assert stage_map((plane, token)) is stage_map(plane) is plane
    torch.manual_seed(0)
    head = MODELS.build(dict(type='SGCHead', in_channels=(6, 6),
                             in_index=(0, 1), num_classes=3, channels=4))
    pairs, planes = head([(plane, token)] * 2), head([plane] * 2)
    for one, other in zip(pairs, planes, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize('outputs, message', [
    (torch.zeros(2, 3, 4, 4), 'gives a Tensor, not a list or tuple'),
    (dict(a=torch.zeros(2, 3, 4, 4)), 'gives a dict, not a list or tuple'),
    ([], 'gives an empty list'),
    ([torch.zeros(2, 9, 5)], r'shape \(2, 9, 5\) as output 0, not a map'),
    ((torch.zeros(2, 3, 4, 4), dict()), 'a dict as output 1, not a map'),
    ([None], 'a NoneType as output 0'),
    ([()], 'a tuple as output 0'),
])
def test_refuses_what_is_no_map(outputs, message):
    with pytest.raises(ValueError, match=message):
        find_stages(outputs, 64)
