"""Running statistics are the batches' alone, in the momentum's proportions."""

from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT, read_checkpoint, tiny_run
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner
from torch import distributed, nn
from torch._dynamo.utils import counters

from mmseg_pseudoseg.engine import BatchNormBiasCorrectionHook

MOMENTUM = 3e-4
HEAD, BACKBONE = 'decode_head.convs.0.bn', 'backbone.layer4.1.bn2'
HOOK = dict(type='BatchNormBiasCorrectionHook')


def config(voc_root, work_dir, hook=True, semi=True, max_iters=4):
    """The tiny run, its head with the paper's momentum."""
    cfg = tiny_run(voc_root, work_dir, max_iters=max_iters)
    cfg['model']['decode_head']['norm_cfg'] = dict(
        type='BN', momentum=MOMENTUM, requires_grad=True)
    if not semi:
        for key in ('sgc_head', 'pseudo_label', 'unsup_loss'):
            del cfg['model'][key]
        cfg['model']['type'] = 'EncoderDecoder'
        loader = cfg['train_dataloader']
        loader['dataset'] = loader['dataset']['labeled']
        loader['dataset']['pipeline'][-1] = dict(type='PackSegInputs')
        loader['collate_fn'] = dict(type='pseudo_collate')
        del loader['batch_sampler']
    if hook:
        cfg['default_hooks']['batch_norm'] = HOOK
    return Config(cfg)


def watch(model, name):
    """Mean and unbiased variance of each batch that a layer normalises."""
    seen = []
    model.get_submodule(name).register_forward_pre_hook(
        lambda _, args: seen.append([
            moment(args[0].detach().double().transpose(0, 1).flatten(1), 1)
            for moment in (torch.mean, torch.var)]))
    return seen


def law(batches, momentum, initial=None):
    """The average of a layer, from scratch or from initial values."""
    weights = [momentum * (1 - momentum)**(len(batches) - 1 - k)
               for k in range(len(batches))]
    result = []
    for i in (0, 1):
        total = sum(w * batch[i] for w, batch in zip(weights, batches))
        result.append(total / sum(weights) if initial is None else
                      total + (1 - sum(weights)) * initial[i])
    return result


@pytest.mark.parametrize('semi, passes', [(False, 1), (True, 3)])
@pytest.mark.parametrize('hook', [True, False])
def test_a_short_run_averages_its_batches(hook, semi, passes, voc_root,
                                          tmp_path):
    runner = Runner.from_cfg(config(voc_root, tmp_path, hook, semi))
    seen = {name: watch(runner.model, name) for name in (HEAD, BACKBONE)}
    runner.train()
    for name, momentum, corrected in ((HEAD, MOMENTUM, hook),
                                      (BACKBONE, .1, False)):
        assert len(seen[name]) == 4 * passes
        layer = runner.model.get_submodule(name)
        expected = law(seen[name], momentum, None if corrected else (0, 1))
        for value, other in zip((layer.running_mean, layer.running_var),
                                expected):
            torch.testing.assert_close(value.double(), other, rtol=1e-3,
                                       atol=1e-3 * other.abs().max().item())


def run(hook, layer, batches):
    """Iterations of one batch."""
    runner = SimpleNamespace(model=layer)
    hook.before_train(runner)
    for batch in batches:
        hook.before_train_iter(runner, 0)
        layer(batch)
        hook.after_train_iter(runner, 0)
    return layer


@pytest.mark.parametrize('momentum', [3e-4, .1, 1.])
def test_nothing_of_the_initial_values_is_left(momentum):
    draw = torch.Generator().manual_seed(0)
    batches = torch.randn(5, 4, 3, 6, 6, generator=draw).double() + 2
    found = []
    for start in (0., 40.):
        layer = nn.BatchNorm2d(3, momentum=momentum).double()
        layer.running_mean.fill_(start)
        layer.running_var.fill_(1 + start)
        found.append(run(BatchNormBiasCorrectionHook(), layer, batches))
    for one, other in zip(*(f.buffers() for f in found)):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=0)
    # In torch's law a third and more is left after 3,000 with the paper's.
    assert (1 - MOMENTUM)**3000 == pytest.approx(.407, abs=1e-3)


def test_the_long_run_is_torchs():
    batches = torch.randn(3, 4, 3, 6, 6)
    found = []
    for hook in (BatchNormBiasCorrectionHook(), None):
        layer = nn.BatchNorm2d(3, momentum=MOMENTUM)
        layer.num_batches_tracked.fill_(50_000)
        if hook:
            run(hook, layer, batches)
        else:
            for batch in batches:
                layer(batch)
        found.append(layer)
    for one, other in zip(*(f.buffers() for f in found)):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9)


def test_which_layers():
    model = nn.ModuleDict(dict(
        backbone=nn.BatchNorm2d(2), head=nn.BatchNorm2d(3),
        sync=nn.SyncBatchNorm(4), own=nn.BatchNorm2d(5, momentum=None),
        sgc=nn.BatchNorm2d(6, track_running_stats=False),
        norm=nn.GroupNorm(1, 7)))
    hook = BatchNormBiasCorrectionHook()
    hook.before_train(SimpleNamespace(model=model))
    assert hook.norms == [model['head'], model['sync']]


def test_what_no_batch_passes_stays():
    layer = nn.BatchNorm2d(3, momentum=MOMENTUM)
    hook, runner = BatchNormBiasCorrectionHook(), SimpleNamespace(model=layer)
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    hook.after_train_iter(runner, 0)
    assert layer.running_mean.eq(0).all() and layer.running_var.eq(1).all()


def test_a_network_without_such_layers():
    run(BatchNormBiasCorrectionHook(), nn.GroupNorm(1, 3),
        torch.randn(2, 4, 3, 6, 6))


def test_a_wrapped_network():
    distributed.init_process_group('gloo', store=distributed.HashStore(),
                                   rank=0, world_size=1)
    try:
        wrapped = MMDistributedDataParallel(nn.ModuleDict(dict(
            backbone=nn.BatchNorm2d(2), head=nn.BatchNorm2d(3))))
        hook = BatchNormBiasCorrectionHook()
        hook.before_train(SimpleNamespace(model=wrapped))
        assert hook.norms == [wrapped.module['head']]
    finally:
        distributed.destroy_process_group()


def test_a_resumed_run_is_the_same_bit_for_bit(voc_root, tmp_path):
    Runner.from_cfg(config(voc_root, tmp_path / 'whole')).train()
    cfg = config(voc_root, tmp_path / 'resumed')
    cfg.update(resume=True, load_from=str(tmp_path / 'whole' / 'iter_2.pth'))
    Runner.from_cfg(cfg).train()
    one, other = (read_checkpoint(tmp_path / name / 'iter_4.pth')['state_dict']
                  for name in ('whole', 'resumed'))
    assert one[f'{HEAD}.num_batches_tracked'] == 12
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def test_nothing_is_compiled_anew():
    """As a momentum that changes would be: torch takes it for a constant."""
    layer = nn.BatchNorm2d(3, momentum=MOMENTUM)
    compiled = torch.compile(layer.forward, backend='aot_eager')
    batches, graphs = torch.randn(4, 2, 3, 5, 5), []
    for momentum, steps in ((MOMENTUM, batches), (.5, batches[:1])):
        layer.momentum = momentum
        counters.clear()
        layer.forward = compiled
        run(BatchNormBiasCorrectionHook(), layer, steps)
        graphs.append(counters['stats']['unique_graphs'])
    assert graphs == [1, 1]
    assert layer.num_batches_tracked == 5


def test_the_shipped_runs_have_it():
    cfg = Config.fromfile(ROOT / 'configs' / '_base_' / 'default_runtime.py')
    assert cfg.default_hooks.batch_norm == HOOK
