"""What the screen shows: a summary, the warnings, then the log."""

import json
import warnings

import pytest
from conftest import tiny_run
from mmengine.config import Config
from mmengine.hooks import Hook

from mmseg_pseudoseg.engine import ScreenRunner
from mmseg_pseudoseg.engine.runner import LaidOutConfig


class Warn(Hook):
    """Warns at the start, in each way there is; then fails, if it is to."""

    def __init__(self, error=None):
        self.error = error

    def before_train(self, runner):
        """Warn."""
        runner.logger.warning('the pixels are few')
        runner.logger.warning('"FileClient" will be deprecated in future')
        warnings.warn('the classes are many', RuntimeWarning, stacklevel=1)
        if self.error:
            raise self.error

    def after_train_iter(self, runner, *_, **__):
        """Warn of what comes up later."""
        runner.logger.warning('it goes on')


def config(voc_root, tmp_path, **keys):
    """A run of four iterations."""
    cfg = Config(tiny_run(voc_root, tmp_path / 'run', max_iters=4))
    cfg.default_hooks.checkpoint.interval = 100
    cfg.merge_from_dict(keys)
    return cfg


def run(cfg, error=None):
    """Train with the hook that warns."""
    runner = ScreenRunner.from_cfg(cfg)
    runner.register_hook(Warn(error))
    runner.train()
    return runner


def places(text, *words):
    """Where each of the words stands first, all of them there."""
    found = [text.find(word) for word in words]
    assert -1 not in found, (words, text)
    return found


def test_summary_then_warnings_then_the_log(voc_root, tmp_path, capsys):
    runner = run(config(voc_root, tmp_path))
    text = capsys.readouterr().out
    order = places(text, 'INFO - Training\n', '  images         4 labelled + '
                   '20 unlabelled', '  images a step  2 labelled + 2 ',
                   '  iterations     4\n', '  start          new\n',
                   'the pixels are few', 'the classes are many',
                   'Iter(train) [1/4]')
    assert order == sorted(order)
    assert text.count('it goes on') == 1  # once, as MMEngine does
    for word in ('the pixels are few', 'the classes are many'):
        assert text.count(word) == 1
    # The rest is in the file.
    kept = ('System environment', 'max_iters=4', 'Hooks will be executed',
            '"FileClient" will be deprecated', 'the classes are many')
    with open(runner.logger.log_file) as file:
        log = file.read()
    for word in kept:
        assert word in log, word
    for word in kept[:-1]:
        assert word not in text, word
    assert len(text.splitlines()) < 25


def test_an_error_of_the_start_comes_after_its_warnings(voc_root, tmp_path,
                                                        capsys):
    with pytest.raises(ValueError, match='no image'):
        run(config(voc_root, tmp_path), ValueError('no image'))
    text = capsys.readouterr().out
    assert 'the pixels are few' in text and 'the classes are many' in text
    assert 'Training' not in text and 'System' not in text


def test_an_error_of_the_network_comes_alone(voc_root, tmp_path, capsys):
    cfg = config(voc_root, tmp_path)
    cfg.model.decode_head.type = 'NoSuchHead'
    with pytest.raises(Exception, match='NoSuchHead'):
        ScreenRunner.from_cfg(cfg)
    assert capsys.readouterr().out == ''
    assert warnings.showwarning.__module__ != 'mmseg_pseudoseg.engine.screen'


def test_a_resumed_run_says_from_where(voc_root, tmp_path, capsys):
    cfg = config(voc_root, tmp_path)
    cfg.default_hooks.checkpoint.interval = 2
    run(cfg)
    capsys.readouterr()
    path = str(tmp_path / 'run' / 'iter_2.pth')
    cfg.merge_from_dict(dict(resume=True, load_from=path,
                             experiment_name='again'))
    run(cfg)
    text = capsys.readouterr().out
    assert f'  start          goes on after iteration 2 of {path}\n' in text
    cfg.merge_from_dict(dict(resume=False, experiment_name='third'))
    run(cfg)
    text = capsys.readouterr().out
    assert f'  start          weights of {path}\n' in text


def test_class_shares_are_for_curves(voc_root, tmp_path, capsys):
    cfg = config(voc_root, tmp_path)
    cfg.custom_hooks.append(dict(type='PseudoLabelMonitorHook', interval=1))
    lines = {}
    for hidden in (None, ()):
        cfg.log_processor.update(type='ShortLogProcessor')
        if hidden is not None:
            cfg.log_processor.hidden = hidden
        cfg.experiment_name = f'{tmp_path.name} {hidden}'
        runner = ScreenRunner.from_cfg(cfg)
        runner.train()
        out = capsys.readouterr().out.splitlines()
        lines[hidden] = next(x for x in out if 'Iter(train) [4/4]' in x)
        path = f'{runner.log_dir}/vis_data/scalars.json'
        with open(path) as file:
            last = json.loads(file.read().splitlines()[-1])
        assert len([key for key in last if 'pseudo.share.' in key]) == 21
    assert 'pseudo.share.' not in lines[None]
    assert 'pseudo.entropy: ' in lines[None] and 'loss: ' in lines[None]
    assert lines[()].count('pseudo.share.') == 21


def test_other_ranks_are_silent(voc_root, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('mmengine.logging.logger._get_rank', lambda: 1)
    run(config(voc_root, tmp_path))
    assert capsys.readouterr().out == ''


def test_a_config_is_laid_out_once_for_each_content(monkeypatch):
    asked = []
    monkeypatch.setattr(Config, 'pretty_text', property(
        lambda cfg: asked.append(cfg.a) or f'a = {cfg.a}\n'))
    cfg = LaidOutConfig.of(Config(dict(a=1)))
    assert cfg.pretty_text == cfg.pretty_text == 'a = 1\n'
    cfg.a = 2
    assert cfg.pretty_text == 'a = 2\n' and asked == [1, 2]
