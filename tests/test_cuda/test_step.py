"""A step on a GPU: as on a CPU, in every precision, and without waiting."""

import importlib
import sys

import pytest
import torch
from conftest import ROOT, tiny_run
from mmengine.config import Config
from mmengine.runner import Runner
from torch.utils.data import DataLoader

pytestmark = pytest.mark.cuda
AMPERE = (8, 0)


@pytest.fixture(autouse=True)
def tool(monkeypatch):
    """``tool(name)``: a module of the tools; float32 is float32 here."""
    monkeypatch.setattr(sys, 'path', [str(ROOT / 'tools'), *sys.path])
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False  # that of products is, as a rule
    yield importlib.import_module
    torch.backends.cudnn.allow_tf32 = before


@pytest.fixture()
def make(tool, tmp_path, monkeypatch):
    """``make(device, capability, channels_last)``: the same weights, batch."""

    def trainee(device='cuda', capability=None, channels_last=False):
        cfg = Config(tiny_run(tmp_path, tmp_path))
        cfg.model.decode_head.dropout_ratio = 0
        cfg.optim_wrapper.type = 'OptimWrapper'
        if capability:  # as train.py --amp
            with monkeypatch.context() as patch:
                patch.setattr(torch.cuda, 'get_device_capability',
                              lambda *_: capability)
                tool('train').enable_amp(cfg)
        batch = tool('_synthetic_batch').synthetic_batch(cfg, (2, 2), (65, 65))
        cfg.model.data_preprocessor.size = (65, 65)
        batch, = DataLoader([batch], batch_size=None, pin_memory=True,
                            collate_fn=lambda one: one)
        torch.manual_seed(0)
        return tool('_training_step').build(
            cfg.model, cfg.optim_wrapper, batch, device, channels_last)

    return trainee


def losses_of(one):
    """Losses by name, and the gradient of their sum as one vector."""
    with one.optim.optim_context(one.model):
        data = one.model.data_preprocessor(one.batch, True)
        losses = one.model(**data, mode='loss')
    one.model.parse_losses(losses)[0].backward()
    gradient = torch.cat([p.grad.flatten().double().cpu()
                          for p in one.model.parameters()
                          if p.grad is not None])
    return {k: float(v) for k, v in losses.items() if 'loss' in k}, gradient


def assert_near(found, expected, tolerance):
    """In each loss, and in the length of the gradients' difference."""
    assert found[0] == pytest.approx(expected[0], rel=tolerance)
    difference = (found[1] - expected[1]).norm() / expected[1].norm()
    assert difference < 10 * tolerance


def test_the_gpu_computes_what_the_cpu_computes(make):
    assert_near(losses_of(make('cuda')), losses_of(make('cpu')), 1e-3)


def test_channels_last(make):
    one = make(channels_last=True)
    seen = []
    one.model.backbone.layer1.register_forward_hook(
        lambda module, args, output: seen.append(output))
    assert_near(losses_of(one), losses_of(make()), 1e-3)
    assert seen and all(x.is_contiguous(memory_format=torch.channels_last)
                        for x in seen)


@pytest.mark.parametrize('capability, dtype, tolerance', [
    ((7, 5), torch.float16, 2e-2), (AMPERE, torch.bfloat16, 5e-2)])
def test_mixed_precision(make, capability, dtype, tolerance):
    if torch.cuda.get_device_capability() < capability:
        pytest.skip(f'this GPU has no {dtype} of its own')
    one, seen = make(capability=capability), set()
    one.model.backbone.layer1.register_forward_hook(
        lambda module, args, output: seen.add(output.dtype))
    found, expected = losses_of(one)[0], losses_of(make())[0]
    assert seen == {dtype}
    assert found == pytest.approx(expected, rel=tolerance)
    assert found != expected
    one.optim.zero_grad()
    before = [p.detach().clone() for p in one.model.parameters()]
    for _ in range(12):  # the first ones find a scale for float16
        one.step()
    after = list(one.model.parameters())
    assert all(p.isfinite().all() for p in after)
    assert any(not torch.equal(p, q) for p, q in zip(before, after))


@pytest.mark.parametrize('capability', [None, AMPERE])
def test_a_step_does_not_wait(tool, make, capability):
    one = make(capability=capability)
    for _ in range(3):
        one.step()
    assert tool('_benchmark').count_syncs(one.step) == {}


def test_a_wait_is_seen(tool):
    x = torch.ones(3, device='cuda')
    found = tool('_benchmark').count_syncs(lambda: float(x.sum()))
    assert sum(found.values()) == 1


def test_between_two_log_lines_nothing_waits(tool, voc_root, tmp_path):
    """Steps with the shipped hooks, and a log line at 4."""
    base = Config.fromfile(ROOT / 'configs/_base_/default_runtime.py')
    cfg = Config(tiny_run(voc_root, tmp_path, max_iters=6))
    cfg.update(custom_hooks=base.custom_hooks)
    cfg.default_hooks = base.default_hooks
    cfg.default_hooks.logger.interval = 4
    cfg.default_hooks.checkpoint = None
    cfg.train_dataloader.pin_memory = True
    runner = Runner.from_cfg(cfg)
    loop, found = runner.train_loop, []
    stock, count = loop.run_iter, tool('_benchmark').count_syncs
    loop.run_iter = lambda batch: found.append(count(lambda: stock(batch)))
    runner.train()
    assert next(runner.model.parameters()).is_cuda
    assert len(found) == 6
    assert not any(found[1:3] + found[4:5]), found  # the first fills caches
