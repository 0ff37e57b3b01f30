"""The first line comes early; the time left counts no start."""

from types import SimpleNamespace

import pytest
from conftest import ROOT
from mmengine.config import Config
from mmengine.logging import HistoryBuffer

from mmseg_pseudoseg.engine import EarlyLoggerHook
from mmseg_pseudoseg.engine.hooks import early_logger_hook


class Hub:
    """Times of the iterations, and what is told of them."""

    def __init__(self):
        self.log_scalars = {'train/time': HistoryBuffer()}
        self.runtime_info = {}

    def get_scalar(self, name):
        return self.log_scalars[name]

    def update_info(self, name, value):
        self.runtime_info[name] = value


def lines(hook, iterations, begin=0, seconds=lambda step: 1.):
    """Iterations with a line, and the time left that each told."""
    told = {}
    runner = SimpleNamespace(
        iter=begin, max_iters=1000, message_hub=Hub(), experiment_name='x',
        logger=SimpleNamespace(info=lambda text: None),
        visualizer=SimpleNamespace(add_scalars=lambda *_, **__: None),
        train_dataloader=[None] * 10**6,
        log_processor=SimpleNamespace(
            get_log_after_iter=lambda runner, *_: (told.update({
                runner.iter + 1: runner.message_hub.runtime_info.get('eta')
            }) or {}, '')))
    hook.before_run(SimpleNamespace(timestamp='now'))
    hook.before_train(runner)
    for step in range(begin, begin + iterations):
        runner.iter = step
        runner.message_hub.log_scalars['train/time'].update(
            seconds(step - begin))
        hook.after_train_iter(runner, step)
    return told


@pytest.mark.parametrize('options, begin, expected', [
    (dict(), 0, [10, 50, 100]),
    (dict(first=20), 0, [20, 50, 100]),
    (dict(interval=40), 0, [10, 40, 80, 120]),
    (dict(interval=5), 0, list(range(5, 121, 5))),
    (dict(), 1003, [1010, 1050, 1100]),
])
def test_first_line_then_every_interval(options, begin, expected):
    assert list(lines(EarlyLoggerHook(**options), 120, begin)) == expected


def test_time_left_is_told_by_what_came_last():
    told = lines(EarlyLoggerHook(), 120, seconds=lambda step:
                 60. if step == 0 else 2. if step < 50 else 3.)
    assert told == {10: 2. * 990, 50: 2. * 950, 100: 3. * 900}


def test_a_line_of_each_iteration_has_the_first_too():
    told = lines(EarlyLoggerHook(interval=1), 3)
    assert told == {1: None, 2: 998., 3: 997.}  # the first keeps the stock's


def test_the_shipped_configs_take_it():
    cfg = Config.fromfile(ROOT / 'configs/_base_/default_runtime.py')
    logger = cfg.default_hooks.logger
    assert (logger.type, logger.interval, logger.first) == (
        'EarlyLoggerHook', 50, 10)
    assert cfg.log_processor.type == 'ShortLogProcessor'


@pytest.mark.parametrize('main', [True, False])
def test_one_process_writes_the_metrics_of_a_test(main, tmp_path, monkeypatch):
    monkeypatch.setattr(early_logger_hook, 'is_main_process', lambda: main)
    hook = EarlyLoggerHook()
    hook.before_run(SimpleNamespace(timestamp='now'))
    hook.after_test_epoch(SimpleNamespace(
        log_dir=str(tmp_path), test_dataloader=[], logger=SimpleNamespace(
            info=lambda text: None), log_processor=SimpleNamespace(
                get_log_after_epoch=lambda *_, **__: (dict(mIoU=1.), ''))))
    assert (tmp_path / 'now.json').is_file() == main
