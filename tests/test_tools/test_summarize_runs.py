"""summarize_runs.py on work dirs whose contents are known."""

import json
import sys
from pathlib import Path

import matplotlib.image as mpimg
import numpy as np
import pytest
from mmengine.utils import import_modules_from_strings
from tiny import TOOLS, run

TOOL = TOOLS / 'analysis_tools' / 'summarize_runs.py'


def write_run(folder: Path, seed: int, values: dict, max_iters: int = 20,
              part: str = '1') -> Path:
    """A work dir with a metric at some iterations, and a loss at each."""
    scalars = folder / part / 'vis_data' / 'scalars.json'
    scalars.parent.mkdir(parents=True)
    (folder / 'some.py').write_text(
        f'train_cfg = dict(max_iters={max_iters})\n'
        f'randomness = dict(seed={seed})\n')
    lines = []
    for step, value in values.items():
        lines.append(dict(loss=1 / step, step=step))
        lines.append(dict(mIoU=value, step=step))
    scalars.write_text('\n'.join(json.dumps(line) for line in lines) + '\n')
    return folder


def summarize(*args: object, ok: bool = True) -> str:
    return run(sys.executable, TOOL, *args, cwd=TOOLS, ok=ok)


def test_last_value_mean_and_spread(tmp_path):
    """The best on the way (90) does not count; spread of 30, 32, 37."""
    folders = [
        write_run(tmp_path / f'a_seed{seed}', seed, {10: 90., 20: last})
        for seed, last in enumerate((30., 32., 37.))
    ]
    folders.append(write_run(tmp_path / 'b_seed5', 5, {20: 41.25}))
    lines = [line for line in summarize(*folders).splitlines()
             if line.startswith('|')]
    cells = [[c.strip() for c in row.strip('|').split('|')] for row in lines]
    assert cells[2] == ['a', '0 1 2', '20', '33.0 ± 3.6', '30.0, 32.0, 37.0']
    assert cells[3] == ['b', '5', '20', '41.2', '41.2']
    assert len(cells) == 4


def test_a_resumed_run_is_one(tmp_path):
    folder = write_run(tmp_path / 'a', 0, {5: 1., 10: 2.})
    write_run(folder, 0, {10: 3., 20: 4.}, part='2')
    assert '4.0' in summarize(folder)


def test_curves(tmp_path):
    """Two groups in two panels; without the second group, another picture."""
    folders = [write_run(tmp_path / f'{name}_seed{seed}', seed,
                         {10: 10. + seed, 20: 20. * k + seed})
               for k, name in enumerate('ab', 1) for seed in range(2)]
    images = []
    for n in (2, 4):
        out = tmp_path / 'figures' / f'{n}.png'
        summarize(*folders[:n], '--plot', out, '--keys', 'mIoU', 'loss')
        images.append(mpimg.imread(out))
    assert images[0].shape == images[1].shape
    assert images[0].shape[1] > 2 * images[0].shape[0]
    assert np.abs(images[0] - images[1]).max() > 0.5


def test_losses_and_metrics_by_key(tmp_path, monkeypatch):
    """Mean and range of two seeds; one colour a group, whatever it lacks."""
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.syspath_prepend(str(TOOL.parent))
    monkeypatch.setattr(sys, 'path', list(sys.path))
    module = import_modules_from_strings('summarize_runs')
    semi = {'mIoU': {20: 30.}, 'strong.loss_soft_ce': {10: 2., 20: 1.}}
    groups = {
        'sup': [module.Run('sup', 0, 20, {'mIoU': {10: 1., 20: 20.}},
                           tmp_path)],
        'semi': [module.Run('semi', seed, 20, {
            key: {step: value + seed for step, value in curve.items()}
            for key, curve in semi.items()}, tmp_path) for seed in (0, 4)],
    }
    monkeypatch.setattr(module.plt, 'close', lambda figure: None)
    module.draw(groups, ['strong.loss_soft_ce', 'mIoU'], tmp_path / 'x.png')
    figure = module.plt.gcf()
    loss, miou = figure.axes
    line, = loss.lines
    assert line.get_xydata().tolist() == [[10, 4], [20, 3]]
    band = loss.collections[0].get_paths()[0].vertices
    assert {(10, 2), (10, 6), (20, 1), (20, 5)} == {*map(tuple, band)}
    assert miou.lines[0].get_xydata().tolist() == [[10, 1], [20, 20]]
    assert line.get_color() == miou.lines[1].get_color() != (
        miou.lines[0].get_color())
    legend, = figure.legends
    assert {text.get_text(): handle.get_color() for text, handle in zip(
        legend.get_texts(), legend.get_lines())} == {
            'sup': miou.lines[0].get_color(), 'semi': line.get_color()}
    monkeypatch.undo()
    module.plt.close(figure)


@pytest.mark.parametrize('values, args, words', [
    ({10: 1.}, [], ['mIoU', 'iteration 10 of 20', '--resume']),
    ({10: 1., 20: 2.}, ['--metric', 'mAcc'], ['mAcc', 'iteration 0 of 20']),
    ({20: 1.}, ['--plot', 'x.png', '--keys', 'lss'], ['--keys lss', 'loss']),
])
def test_errors_name_the_run(tmp_path, values, args, words):
    folder = write_run(tmp_path / 'a', 0, values)
    error = summarize(folder, *args, ok=False)
    for word in words + ([] if '--plot' in args else [str(folder)]):
        assert word in error
    assert 'Traceback' not in error


def test_no_run_and_a_damaged_log(tmp_path):
    error = summarize(tmp_path, ok=False)
    assert str(tmp_path) in error and '0 configs' in error
    folder = write_run(tmp_path / 'a', 0, {20: 1.})
    path = folder / '1' / 'vis_data' / 'scalars.json'
    whole = path.read_text()
    path.write_text('{"mIoU": 3\n' + whole)
    error = summarize(folder, ok=False)
    assert f'error: {path}, line 1: ' in error and 'delete this line' in error
    path.write_text(whole + '{"mIoU": 3')  # the run was killed
    assert '| 1.0' in summarize(folder)


def test_a_seed_twice_in_a_group(tmp_path):
    """Before and after a change, say: not two seeds of one thing."""
    folders = [write_run(tmp_path / part / 'a_seed0', 0, {20: 1.})
               for part in ('before', 'after')]
    error = summarize(*folders, ok=False)
    assert f'{folders[0]} and {folders[1]} are both seed 0 of a: ' in error
    assert 'Traceback' not in error
    other = write_run(tmp_path / 'after' / 'b_seed0', 0, {20: 1.})
    assert '| b ' in summarize(folders[0], other)
