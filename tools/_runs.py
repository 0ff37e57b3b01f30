"""Work dirs of ``train.py``: what was logged in them, and how far they got."""

import json
import re
import statistics
from pathlib import Path
from typing import Dict, NamedTuple, Sequence

from mmengine.config import Config

Curve = Dict[int, float]


class Run(NamedTuple):
    """What a work dir holds.

    Attributes:
        group (str): Name of the folder without the seed.
        seed (int): Of the config.
        max_iters (int): Iterations of the whole run.
        curves (dict[str, dict[int, float]]): Logged key -> iteration ->
            value.
    """

    group: str
    seed: int
    max_iters: int
    curves: Dict[str, Curve]

    def last(self, metric: str) -> float:
        """The value after the last iteration, never the best one."""
        return self.curves[metric][self.max_iters]


class RunError(ValueError):
    """A work dir does not hold a finished run."""


def read_scalars(work_dir: Path) -> Dict[str, Curve]:
    """Every logged key of a run, the parts of a resumed run in order."""
    curves: Dict[str, Curve] = {}
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            try:
                entry = json.loads(line)
            except json.JSONDecodeError as error:
                raise RunError(f'{path}, line {number}: {error}') from error
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
    return Run(group, cfg.randomness.seed, max_iters, curves)


def mean_and_spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation (n - 1), as in ``33.0 ± 3.6``."""
    text = f'{statistics.mean(values):.1f}'
    if len(values) > 1:
        text += f' ± {statistics.stdev(values):.1f}'
    return text
