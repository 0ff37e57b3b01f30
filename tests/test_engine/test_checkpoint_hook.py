"""The hook behind the stock name: order of its steps, and what it tells."""

import os

import pytest
import torch
from conftest import ROOT, read_checkpoint, tiny_run
from mmengine.config import Config
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner

from mmseg_pseudoseg.engine import SafeCheckpointHook


def checkpoints(work_dir):
    """Names of the checkpoints."""
    return sorted(name for name in os.listdir(work_dir) if '.pth' in name)


class Order(Hook):
    """Note what is there whenever a checkpoint is about to be written."""

    def __init__(self):
        self.seen = []

    def before_save_checkpoint(self, runner, checkpoint):
        """Look."""
        self.seen.append(checkpoints(runner.work_dir))


def test_shipped_and_stock_configs_get_it(voc_root, tmp_path):
    shipped = Config.fromfile(ROOT / 'configs/_base_/default_runtime.py')
    saves = shipped.default_hooks.checkpoint
    assert saves.type == 'CheckpointHook' and saves.interval == 1000
    cfg = tiny_run(voc_root, tmp_path / 'run')
    hook, = (hook for hook in Runner(**cfg).hooks
             if isinstance(hook, CheckpointHook))
    assert type(hook) is SafeCheckpointHook


def test_the_outdated_one_goes_last(voc_root, tmp_path):
    cfg = tiny_run(voc_root, tmp_path / 'run', max_iters=3)
    cfg['default_hooks']['checkpoint']['max_keep_ckpts'] = 1
    order = Order()
    runner = Runner(**cfg)
    runner.register_hook(order)
    runner.train()
    assert order.seen == [[], ['iter_1.pth'], ['iter_2.pth']]
    assert checkpoints(tmp_path / 'run') == ['iter_3.pth']
    hub = read_checkpoint(tmp_path / 'run' / 'iter_3.pth')['message_hub']
    assert hub['runtime_info']['keep_ckpt_ids'] == [3]
    assert hub['runtime_info']['last_ckpt'].endswith('iter_3.pth')


def test_the_best_one_goes_when_a_better_one_is_there(voc_root, tmp_path):
    cfg = tiny_run(voc_root, tmp_path / 'run', max_iters=1)
    cfg['default_hooks']['checkpoint'].update(
        save_best='mIoU', rule='greater', interval=9)
    runner = Runner(**cfg)
    runner.train()
    hook, = (h for h in runner.hooks if isinstance(h, CheckpointHook))
    order = Order()
    runner.register_hook(order)
    for step, value in ((1, 10.), (2, 5.), (3, 20.)):
        runner.train_loop._iter = step
        hook.after_val_epoch(runner, dict(mIoU=value))
    found = [[name for name in seen if 'best' in name] for seen in order.seen]
    # A better one is followed by the last one, which then names it.
    first, third = 'best_mIoU_iter_1.pth', 'best_mIoU_iter_3.pth'
    assert found == [[], [first], [first], [first, third]]
    assert [name for name in checkpoints(tmp_path / 'run')
            if 'best' in name] == [third]


def train(voc_root, work_dir):
    """A run of one iteration."""
    Runner.from_cfg(Config(tiny_run(voc_root, work_dir, max_iters=1))).train()


def resume(voc_root, work_dir, name, **keys):
    """Resume a finished run; what the log tells of the config."""
    cfg = Config(tiny_run(voc_root, work_dir, max_iters=1))
    cfg.merge_from_dict({'resume': True, 'experiment_name': name, **keys})
    runner = Runner.from_cfg(cfg)
    lines = []
    runner.logger.warning = lines.append
    runner.train()
    return [line for line in lines if 'The config' in line]


def test_changed_keys_are_told(voc_root, tmp_path):
    work_dir = tmp_path / 'run'
    train(voc_root, work_dir)
    told, = resume(voc_root, work_dir, 'one', log_level='DEBUG', **{
        'optim_wrapper.optimizer.lr': 0.25, 'train_cfg.max_iters': 2})
    assert told.startswith('The config is not the one that last_checkpoint of')
    assert told.splitlines()[1:] == [
        '  optim_wrapper.optimizer.lr: 0.05 -> 0.25',
        '  train_cfg.max_iters: 1 -> 2',
    ]
    told, = resume(voc_root, work_dir, 'two', **{
        f'key_{k}': k for k in range(30)})
    assert '\n  key_0: (not there) -> 0' in told
    assert len(told.splitlines()) == 22 and told.endswith('more')
    # Nothing is told of what has not changed, or is no resume.
    work_dir = tmp_path / 'same'
    train(voc_root, work_dir)
    assert resume(voc_root, work_dir, 'same') == []
    assert resume(voc_root, work_dir, 'three', resume=False,
                  load_from=str(work_dir / 'iter_1.pth')) == []


def test_a_config_that_cannot_be_read_is_told(voc_root, tmp_path):
    train(voc_root, tmp_path / 'run')
    path = tmp_path / 'run' / 'iter_1.pth'
    content = read_checkpoint(path)
    content['meta']['cfg'] = 'not Python'
    torch.save(content, path)
    told, = resume(voc_root, tmp_path / 'run', 'again')
    assert 'cannot be read' in told and 'was not compared' in told


def test_weights_alone_are_no_run(voc_root, tmp_path):
    Runner(**tiny_run(voc_root, tmp_path / 'run', max_iters=1)).train()
    content = read_checkpoint(tmp_path / 'run' / 'iter_1.pth')
    del content['optimizer']
    path = str(tmp_path / 'weights.pth')
    torch.save(content, path)
    cfg = tiny_run(voc_root, tmp_path / 'new', max_iters=2)
    cfg.update(resume=True, load_from=path)
    with pytest.raises(RuntimeError, match='weights.pth cannot be resumed '
                       'from: it holds no optimizer.*load_from'):
        Runner.from_cfg(Config(cfg)).train()
    # A run that leaves it out on purpose may go on without.
    cfg['default_hooks']['checkpoint']['save_optimizer'] = False
    cfg['experiment_name'] = 'again'
    Runner.from_cfg(Config(cfg)).train()


def test_a_whole_run_that_is_resumed_says_so(voc_root, tmp_path):
    cfg = tiny_run(voc_root, tmp_path / 'run', max_iters=1)
    Runner(**cfg).train()
    told = []
    runner = Runner.from_cfg(Config(dict(
        tiny_run(voc_root, tmp_path / 'run', max_iters=1), resume=True)))
    runner.logger.warning = lambda text, *_: told.append(text)
    runner.train()
    assert runner.iter == 1
    assert any('run holds all 1 iterations: nothing is left' in text
               for text in told)
