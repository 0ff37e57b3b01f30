"""Work dirs of ``train.py``: which code ran there, what it logged."""

import json
import re
import statistics
import subprocess
from pathlib import Path
from typing import Dict, NamedTuple, Sequence

import _book
from mmengine.config import Config

Curve = Dict[int, float]
UNKNOWN = 'unknown'  # the commit of what run_table.py did not start


class Run(NamedTuple):
    """What a work dir holds.

    Attributes:
        group (str): Name of the folder without the seed.
        seed (int): Of the config.
        max_iters (int): Iterations of the whole run.
        curves (dict[str, dict[int, float]]): Logged key -> iteration ->
            value.
        work_dir (Path): The folder.
    """

    group: str
    seed: int
    max_iters: int
    curves: Dict[str, Curve]
    work_dir: Path

    def last(self, metric: str) -> float:
        """The value after the last iteration, never the best one."""
        return self.curves[metric][self.max_iters]


class RunError(ValueError):
    """A work dir does not hold a finished run, or one to continue."""


class DamagedFileError(ValueError):
    """A file of a work dir cannot be read."""


def has_checkpoint(work_dir: Path) -> bool:
    """Whether there is something that a run can be continued from."""
    return (work_dir / 'last_checkpoint').is_file()


def read_origin(work_dir: Path) -> dict:
    """What ``run_table.py`` noted in ``run.json``.

    Args:
        work_dir (Path): Of a run.

    Returns:
        dict: ``commits``, the code that trained it, from the first to the
            last; where known, the number of ``processes`` and the
            ``commands``.

    Raises:
        DamagedFileError: If the file is not JSON.
    """
    path = work_dir / 'run.json'
    if not path.is_file():
        return dict(commits=[UNKNOWN])
    try:
        origin = json.loads(path.read_text())
    except ValueError as error:
        raise DamagedFileError(
            f'{path}: {error}; delete the file (the run can go on without it, '
            'but not be recorded)') from error
    if 'commits' not in origin:  # older files have one
        origin['commits'] = [origin.pop('commit', UNKNOWN)]
    return origin


def describe_commit() -> str:
    """The commit of this tree; with ``-dirty`` if the code was changed.

    Raises:
        RunError: If there is none.
    """
    def git(*args: str) -> str:
        return subprocess.run(['git', *args], cwd=_book.ROOT, check=True,
                              text=True, capture_output=True).stdout.strip()

    try:
        dirty = git('status', '--porcelain', '--', 'mmseg_pseudoseg',
                    ':(glob)configs/**/*.py', 'tools')
        return git('rev-parse', '--short', 'HEAD') + ('-dirty' if dirty else
                                                      '')
    except (OSError, subprocess.CalledProcessError) as error:
        raise RunError('the commit of the code is part of a result: run from '
                        f'a git clone ({error})') from error


def claim(work_dir: Path, processes: int, commands: Sequence[str]) -> None:
    """Write ``run.json``, which :func:`read_origin` reads.

    Where there is something to continue, the commits that trained it stay.

    Args:
        work_dir (Path): Made if it is not there.
        processes (int): Of the training.
        commands (Sequence[str]): What is run.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    commit = describe_commit()
    if has_checkpoint(work_dir):
        origin = read_origin(work_dir)
        if commit not in origin['commits']:
            origin['commits'].append(commit)
    else:
        origin = dict(commits=[commit], processes=processes,
                      commands=list(commands))
    (work_dir / 'run.json').write_text(json.dumps(origin) + '\n')


def check_resume(work_dir: Path, processes: int, max_iters: int) -> None:
    """Refuse to continue a run where that would spoil it, or do nothing.

    Args:
        work_dir (Path): Of a run with a checkpoint, but without a result.
        processes (int): Of the training now.
        max_iters (int): Iterations of the whole run.

    Raises:
        RunError: If it was started with another number of processes, or if
            only the validation is missing, which resuming does not repeat.
    """
    before = read_origin(work_dir).get('processes', processes)
    if before != processes:
        give = f'--gpus {before}' if before > 1 else '--gpus 1 or none'
        raise RunError(
            f'{work_dir} was started with {before} process(es), not '
            f'{processes}: give {give} to continue it, or delete it')
    last = Path((work_dir / 'last_checkpoint').read_text().strip()).name
    if last == f'iter_{max_iters}.pth':
        raise RunError(
            f'{work_dir} has {last}, but no result of it in its log, and '
            'resuming would do nothing: name an earlier checkpoint in its '
            'file last_checkpoint, or delete the folder')


def read_scalars(work_dir: Path) -> Dict[str, Curve]:
    """Every logged key of a run, the parts of a resumed run in order.

    Args:
        work_dir (Path): Of a run.

    Returns:
        dict[str, dict[int, float]]: Key -> iteration -> value.

    Raises:
        DamagedFileError: If a line is no JSON, other than a file's last one,
            which a run that was killed leaves half written.
    """
    curves: Dict[str, Curve] = {}
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        lines = path.read_text(errors='replace').splitlines()
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
            except json.JSONDecodeError as error:
                if number == len(lines):
                    break
                raise DamagedFileError(f'{path}, line {number}: {error}; '
                                       'delete this line') from error
            step = entry.pop('step')
            for key, value in entry.items():
                curves.setdefault(key, {})[step] = value
    return curves


def read_config(work_dir: Path) -> Config:
    """The config that a run left in its work dir.

    Raises:
        RunError: If there is none, or more than one.
    """
    configs = sorted(work_dir.glob('*.py'))
    if len(configs) != 1:
        raise RunError(f'{work_dir}: has {len(configs)} configs (*.py); a '
                       'work dir of tools/train.py has one')
    return Config.fromfile(configs[0], import_custom_modules=False)


def read_run(work_dir: Path, metric: str) -> Run:
    """A finished run.

    Args:
        work_dir (Path): As ``tools/train.py`` leaves it.
        metric (str): What must be there for the last iteration.

    Returns:
        Run: Its curves.

    Raises:
        RunError: If there is no run, or if it is not finished.
    """
    cfg = read_config(work_dir)
    max_iters = cfg.train_cfg.max_iters
    curves = read_scalars(work_dir)
    done = max(curves.get(metric, {}), default=0)
    if done < max_iters:
        raise RunError(
            f'{work_dir}: {metric} is known up to iteration {done} of '
            f'{max_iters}; continue it with tools/train.py --resume')
    group = re.sub(r'_seed\d+$', '', work_dir.name)
    return Run(group, cfg.randomness.seed, max_iters, curves, work_dir)


def mean_and_spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation (n - 1), as in ``33.0 ± 3.6``."""
    text = f'{statistics.mean(values):.1f}'
    if len(values) > 1:
        text += f' ± {statistics.stdev(values):.1f}'
    return text
