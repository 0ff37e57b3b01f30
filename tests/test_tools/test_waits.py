"""Waits for a device, counted without one; and none in a shipped step."""

import importlib
import sys

import pytest
import torch
from conftest import tiny_run
from mmengine.config import Config
from mmengine.runner import Runner
from tiny import TOOLS

ROOT = TOOLS.parent


@pytest.fixture()
def count(monkeypatch):
    """``count_waits`` of the tools."""
    monkeypatch.setattr(sys, 'path', [str(TOOLS), *sys.path])
    return importlib.import_module('_waits').count_waits


X = torch.arange(6.)


@pytest.mark.parametrize('step, number', [
    (lambda: X.sum().item(), 1),
    (lambda: float(X[0]) + bool(X[1]), 2),
    (lambda: X[X > 2], 1),
    (lambda: X.nonzero(), 1),
    (lambda: X.clone().masked_fill_(X > 2, 0), 0),
    (lambda: X[torch.tensor([1, 2])], 0),
    (lambda: torch.where(X > 2, X, 0).mean() / X.amax(), 0),
])
def test_what_needs_the_host_is_counted(count, step, number):
    found = count(step)
    assert sum(found.values()) == number
    assert all('test_waits.py:' in place for place in found)


def stock(cfg):
    """The stock hook in place of ours."""
    cfg['default_hooks']['runtime_info'] = dict(type='RuntimeInfoHook')


@pytest.mark.parametrize('change, waits', [(None, False), (stock, True)])
def test_between_two_log_lines_nothing_waits(
        count, change, waits, voc_root, tmp_path):
    """Steps and hooks of a run with the shipped hooks, log at 4."""
    cfg = tiny_run(voc_root, tmp_path, max_iters=6)
    base = Config.fromfile(ROOT / 'configs/_base_/default_runtime.py')
    cfg['default_hooks'] = base.default_hooks.to_dict()
    cfg['custom_hooks'] = base.custom_hooks
    cfg['default_hooks']['logger']['interval'] = 4
    cfg['default_hooks']['checkpoint'] = None
    if change:
        change(cfg)
    runner = Runner.from_cfg(Config(cfg))
    found = []
    loop = runner.train_loop
    stock_iter = loop.run_iter

    def run_iter(batch):
        found.append(count(lambda: stock_iter(batch)))

    loop.run_iter = run_iter
    runner.train()
    assert len(found) == 6
    quiet = found[1:3] + found[4:5]  # the first fills caches
    assert any(quiet) == waits, quiet
