"""Frozen running statistics."""

import pytest
import torch
from torch import nn

from mmseg_pseudoseg.models.utils import frozen_statistics


def norms():
    """A tracking layer, one in evaluation mode, one that tracks nothing."""
    model = nn.Sequential(
        nn.BatchNorm2d(3), nn.BatchNorm2d(3),
        nn.BatchNorm2d(3, track_running_stats=False)).train()
    model[1].eval()
    nn.init.constant_(model[1].running_mean, 5.)
    return model


def buffers(model):
    return {k: v.clone() for k, v in model.named_buffers()}


def test_statistics_stay_and_outputs_do_not_change():
    x = torch.randn(4, 3, 5, 5) * 3 + 1
    frozen, plain = norms(), norms()
    before = buffers(frozen)
    with frozen_statistics(frozen):
        for mine, stock in zip(frozen, plain):
            assert torch.equal(mine(x), stock(x))
    for name, value in buffers(frozen).items():
        assert torch.equal(value, before[name]), name
    assert plain[0].num_batches_tracked == 1


def test_flags_come_back_after_an_error():
    model = norms()
    with pytest.raises(RuntimeError, match='on purpose'):
        with frozen_statistics(model):
            raise RuntimeError('on purpose')
    assert [m.track_running_stats for m in model] == [True, True, False]
    assert [m.training for m in model] == [True, False, True]
    model(torch.randn(2, 3, 4, 4))
    assert model[0].num_batches_tracked == 1
