"""The compiled step on a GPU."""

import importlib
import sys

import pytest
import torch
from conftest import ROOT, tiny_run
from mmengine.config import Config

pytestmark = pytest.mark.cuda


def test_the_compiled_step_logs_the_same(tmp_path, monkeypatch):
    """With inductor, which MMEngine's ``compile=True`` takes."""
    monkeypatch.setattr(sys, 'path', [str(ROOT / 'tools'), *sys.path])
    found = []
    for compiled in (False, True):
        cfg = Config(tiny_run(tmp_path, tmp_path))
        cfg.model.decode_head.dropout_ratio = 0
        batch = importlib.import_module('_synthetic_batch').synthetic_batch(
            cfg, (2, 2), (33, 33))
        torch.manual_seed(0)
        model, optim, _ = importlib.import_module('_training_step').build(
            cfg.model, cfg.optim_wrapper, batch, 'cuda', False)
        step = torch.compile(model.train_step) if compiled \
            else model.train_step
        found.append([{k: float(v) for k, v in step(batch, optim).items()
                       if 'loss' in k} for _ in range(2)])
    for one, other in zip(*found):
        assert other == pytest.approx(one, rel=2e-2)
