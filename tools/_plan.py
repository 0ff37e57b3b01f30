"""What is to be run for a table: the jobs of ``run_table.py``."""

import argparse
import re
import shlex
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

import _book
from _book import Model, Table, read_models
from _runs import (
    RunError,
    check_resume,
    has_checkpoint,
    read_config,
    read_run,
)
from mmengine.config import Config, DictAction

# What may differ between the config of a run that is there and the plan: it
# changes neither what is trained nor how it is measured.
NOT_COMPARED = ('work_dir', 'resume', 'load_from', 'launcher',
                'model_wrapper_cfg', 'env_cfg.dist_cfg.backend', 'tta_',
                'visualizer', 'vis_backends', 'log_level', 'log_processor')


class PlanError(ValueError):
    """A table cannot be run as asked."""


class Command(NamedTuple):
    """A command line, with what it adds to the environment."""

    argv: List[str]
    env: Dict[str, str]

    def __str__(self) -> str:
        """As a shell takes it."""
        before = [f'{key}={shlex.quote(value)}'
                  for key, value in self.env.items()]
        return ' '.join([*before, shlex.join(self.argv)])


class Job(NamedTuple):
    """One row with one seed.

    Attributes:
        name (str): Config and seed.
        work_dir (Path): Where it runs.
        state (str): finished, unfinished or new.
        teacher (str | None): The config whose labels it learns from.
        commands (list[Command]): To be run one after the other.
        processes (int): Of the training.
    """

    name: str
    work_dir: Path
    state: str
    teacher: Optional[str]
    commands: List[Command]
    processes: int


def work_dir_of(model: Model, seed: int, work_dirs: Path) -> Path:
    """Where a row runs with a seed."""
    return work_dirs / f'{model.name}_seed{seed}'


def parse_options(pairs: List[str]) -> dict:
    """What ``--cfg-options`` means."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='*', action=DictAction)
    return parser.parse_args(['--cfg-options', *pairs]).cfg_options or {}


def load_config(model: Model, options: List[str]) -> Config:
    """The config of a row with what is overridden."""
    cfg = Config.fromfile(_book.ROOT / model.config,
                          import_custom_modules=False)
    cfg.merge_from_dict(parse_options(options))
    return cfg


def data_root_options(model: Model, data_root: Path) -> List[str]:
    """What puts a folder into every ``data_root`` of a config's data sets.

    Args:
        model (Model): The config.
        data_root (Path): The folder.

    Returns:
        list[str]: For ``--cfg-options``.

    Raises:
        PlanError: If one folder cannot be the place of all of them, or if
            ``--cfg-options`` cannot hold its name.
    """
    cfg = load_config(model, [])
    roots = {key: value for key, value in flatten(cfg.to_dict()).items()
             if '_dataloader.' in key and key.endswith('.data_root')}
    if len(set(roots.values())) > 1:
        pairs = ', '.join(f'{key}={root}' for key, root in roots.items())
        raise PlanError(
            f'--data-root: {model.name} reads several folders ({pairs}): '
            'leave --data-root out and link the data to these places')
    if re.search(r'[\s,\'"]', str(data_root)):
        raise PlanError(f'--data-root {data_root}: --cfg-options misreads '
                        'blanks, commas and quotes; give a link without them')
    return [f'{key}={data_root}' for key in roots]


def options_of(model: Model, args: argparse.Namespace) -> List[str]:
    """What ``--data-root`` and ``--cfg-options`` mean for a config."""
    if args.data_root is None:
        return args.cfg_options
    return [*data_root_options(model, args.data_root), *args.cfg_options]


def flatten(node: dict, prefix: str = '') -> dict:
    """Dotted key -> leaf; lists are leaves."""
    flat = {}
    for name, value in node.items():
        key = f'{prefix}{name}'
        if isinstance(value, dict):
            flat.update(flatten(value, f'{key}.'))
        elif not key.startswith(NOT_COMPARED):
            flat[key] = value
    return flat


def read_state(work_dir: Path, planned: Config) -> str:
    """How far a run got: new, unfinished or finished.

    Raises:
        PlanError: If what is there was run with another config.
    """
    try:
        there = flatten(read_config(work_dir).to_dict())
    except RunError:
        return 'new'
    wanted = flatten(planned.to_dict())
    keys = sorted(key for key in {*there, *wanted}
                  if there.get(key) != wanted.get(key))
    if keys:
        raise PlanError(
            f'{work_dir} was run with another {", ".join(keys[:5])}: give '
            'another --work-dirs or the same --cfg-options, or delete it')
    try:
        read_run(work_dir, 'mIoU')
    except RunError:
        return 'unfinished'
    return 'finished'


def launch(script: str, config: str, rest: List[str], job: str,
           args: argparse.Namespace) -> Command:
    """The command that starts a training."""
    if args.slurm:
        return Command(['bash', 'tools/slurm_train.sh', args.slurm, job,
                        config, *rest],
                       dict(PYTHON=sys.executable, GPUS=str(args.gpus)))
    if args.gpus:
        return Command(['bash', 'tools/dist_train.sh', config,
                        str(args.gpus), *rest], dict(PYTHON=sys.executable))
    return Command([sys.executable, script, config, *rest], {})


def label_command(teacher: Model, seed: int, cfg: Config,
                  args: argparse.Namespace) -> Command:
    """The command that writes the teacher's masks for a student."""
    options = options_of(teacher, args)
    iters = load_config(teacher, options).train_cfg.max_iters
    work_dir = work_dir_of(teacher, seed, args.work_dirs)
    root = Path(cfg.test_dataloader.dataset.data_root)
    argv = [sys.executable, 'tools/generate_pseudo_labels.py', teacher.config,
            str(work_dir / f'iter_{iters}.pth'), '--list',
            cfg.train_dataloader.dataset.unlabeled.ann_file, '--out',
            str(root / 'pseudo_labels' / work_dir.name), '--work-dir',
            str(work_dir / 'labels')]
    if options:
        argv += ['--cfg-options', *options]
    if args.slurm:
        argv = ['srun', '--partition', args.slurm, '--gres', 'gpu:1',
                '--ntasks', '1', *argv]
    return Command(argv, {})


def make_job(model: Model, seed: int, teacher: Optional[Model],
             args: argparse.Namespace) -> Job:
    """A row with a seed."""
    work_dir = work_dir_of(model, seed, args.work_dirs)
    options = [f'randomness.seed={seed}', *options_of(model, args)]
    if teacher:
        folder = work_dir_of(teacher, seed, Path('pseudo_labels'))
        options.append('train_dataloader.dataset.unlabeled.data_prefix.'
                       f'seg_map_path={folder}')
    cfg = load_config(model, options)
    state = read_state(work_dir, cfg)
    processes = args.gpus or 1
    rest = ['--work-dir', str(work_dir)]
    if has_checkpoint(work_dir):
        rest.append('--resume')
        if state != 'finished' and not args.record:
            check_resume(work_dir, processes, cfg.train_cfg.max_iters)
    commands = [launch('tools/train.py', model.config,
                       [*rest, '--cfg-options', *options], work_dir.name,
                       args)]
    if teacher:
        commands.insert(0, label_command(teacher, seed, cfg, args))
    return Job(f'{model.name}, seed {seed}', work_dir, state,
               teacher and teacher.name, commands, processes)


def make_plan(table: Table, args: argparse.Namespace) -> List[Job]:
    """The jobs of a table: its rows and their teachers, with each seed.

    Args:
        table (Table): Which rows.
        args (argparse.Namespace): Of ``run_table.py``.

    Returns:
        list[Job]: Each config once a seed.
    """
    everything = {model.name: model for model in read_models()}
    wanted: Dict[str, Model] = {}
    for row in table.rows:
        name = row.model.metadata.get('Teacher')
        if name:
            wanted[name] = everything[name]
        wanted[row.model.name] = row.model
    return [
        make_job(model, seed,
                 everything.get(model.metadata.get('Teacher', '')), args)
        for seed in args.seeds for model in wanted.values()
    ]
