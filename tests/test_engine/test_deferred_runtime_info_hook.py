"""Losses that are read late stand in logs and checkpoints as ever."""

import json

import numpy as np
import pytest
from conftest import read_checkpoint, tiny_run
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner


class SaveOnce(Hook):
    """Save in one iteration, as a pre-emption or a new best does."""

    def __init__(self, iteration):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        """Save, if it is this one."""
        if runner.iter + 1 == self.iteration:
            runner.save_checkpoint(runner.work_dir, 'iter_once.pth')


def records(voc_root, work_dir, hook, interval, saved, once):
    """Log lines without times, and the histories of the checkpoints."""
    cfg = tiny_run(voc_root, work_dir, max_iters=7)
    cfg['default_hooks']['runtime_info'] = dict(type=hook)
    cfg['default_hooks']['logger']['interval'] = interval
    cfg['default_hooks']['checkpoint'].update(interval=saved)
    cfg['log_processor']['window_size'] = 3
    runner = Runner.from_cfg(Config(cfg))
    runner.register_hook(SaveOnce(once), 'LOWEST')
    if hook.startswith('Deferred'):
        late, = (h for h in runner.hooks if type(h).__name__ == hook)
        depth = []
        read = late.read
        late.read = lambda runner: (depth.append(len(late.pending)),
                                    read(runner))
    runner.train()
    if hook.startswith('Deferred'):
        assert late.pending == []
        assert max(depth) == min(interval, saved)
    lines = [json.loads(line) for line in next(
        work_dir.glob('*/vis_data/scalars.json')).read_text().splitlines()]
    for line in lines:
        for key in ('time', 'data_time', 'memory'):
            line.pop(key, None)
    histories = {}
    for path in sorted(work_dir.glob('iter_*.pth')):
        hub = read_checkpoint(path)['message_hub']
        for key, history in hub['log_scalars'].items():
            if 'time' not in key:
                histories[path.name, key] = np.stack(history.data)
    return lines, histories


@pytest.mark.parametrize('interval, saved, once', [(3, 5, 4), (5, 2, 3)])
def test_logs_and_checkpoints_equal_the_stock_hooks(
        interval, saved, once, voc_root, tmp_path):
    found = [records(voc_root, tmp_path / hook, hook, interval, saved, once)
             for hook in ('RuntimeInfoHook', 'DeferredRuntimeInfoHook')]
    assert found[0][0] == found[1][0]
    assert len(found[0][0]) == 7 // interval
    assert found[0][1].keys() == found[1][1].keys()
    losses = [key for key in found[0][1] if key[1] == 'train/loss']
    assert ('iter_once.pth', 'train/loss') in losses
    for key, history in found[0][1].items():
        np.testing.assert_array_equal(history, found[1][1][key])
