"""The preprocessor on a GPU: what it makes on a CPU, without waiting."""

import importlib
import sys

import pytest
import torch
from conftest import ROOT, tiny_run
from mmengine.config import Config
from mmseg.registry import MODELS
from torch.utils.data import DataLoader

pytestmark = pytest.mark.cuda


@pytest.fixture()
def tool(monkeypatch):
    """``tool(name)``: a module of the tools."""
    monkeypatch.setattr(sys, 'path', [str(ROOT / 'tools'), *sys.path])
    return importlib.import_module


@pytest.mark.parametrize('pinned', [True, False])
def test_the_preprocessor(tool, tmp_path, pinned):
    cfg = Config(tiny_run(tmp_path, tmp_path))
    batches = [tool('_synthetic_batch').synthetic_batch(cfg, (2, 3), (40, 56))
               for _ in range(2)]
    settings = dict(cfg.model.data_preprocessor, size=(64, 64))
    expected = MODELS.build(settings)(batches[0], True)
    batch, = DataLoader([batches[1]], batch_size=None, pin_memory=pinned,
                        collate_fn=lambda one: one)
    model = MODELS.build(settings).cuda()
    model(batch, True)
    found = model(batch, True)
    if pinned:
        count = tool('_benchmark').count_syncs
        assert count(lambda: model(batch, True)) == {}
    assert found['inputs'].keys() == expected['inputs'].keys()
    for view, images in expected['inputs'].items():
        assert found['inputs'][view].is_cuda
        torch.testing.assert_close(found['inputs'][view].cpu(), images)
        for one, other in zip(found['data_samples'][view],
                              expected['data_samples'][view]):
            assert one.gt_sem_seg.data.is_cuda
            assert torch.equal(one.gt_sem_seg.data.cpu(),
                               other.gt_sem_seg.data)
