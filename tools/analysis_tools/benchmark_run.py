"""What does a run cost besides its steps: starts, validation, processes?"""

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Callable, Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _cli  # noqa: E402,F401  isort: skip  (finds and registers the package)

import _bench_gloo  # noqa: E402
import _bench_validation  # noqa: E402
from _bench_data import write_data  # noqa: E402
from _bench_report import (  # noqa: E402
    print_pair,
    print_resume,
    print_startup,
    print_validation,
)
from _bench_start import (  # noqa: E402
    FEW,
    as_options,
    measure_resume,
    measure_startup,
)
from _benchmark import (  # noqa: E402
    PARTS,
    add_arguments,
    counts,
    facts,
    load_config,
    write_json,
)
from _memory import keep_freed_memory  # noqa: E402
from mmengine.config import Config, DictAction  # noqa: E402
from mmengine.device import get_device  # noqa: E402

VAL = 8  # validation images of a data set that is made for a start
RESUME = dict(zip(PARTS, (183, 10582)), val=VAL)  # VOC 1/8


def add_start(parser: argparse.ArgumentParser) -> None:
    """Options of the commands that start ``train.py``."""
    add_arguments(parser)
    parser.add_argument('--workers', type=int, default=8, metavar='N',
                        help='of the loader (default: %(default)s)')
    parser.add_argument('--rounds', type=int, default=3, metavar='N',
                        help='starts of each kind (default: %(default)s)')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='All data are made up, in a temporary folder, of a few images '
        'under many names. No weights are loaded.')
    commands = parser.add_subparsers(dest='command', required=True)
    sub = commands.add_parser(
        'startup', help='seconds until train.py has its first batch, and '
        'memory of the workers')
    add_start(sub)
    for part, number in zip(PARTS, (10000, 240000)):
        sub.add_argument(f'--{part}', type=int, default=number, metavar='N',
                         help='ids of this part (default: %(default)s)')
    sub = commands.add_parser(
        'resume', help='the same behind a checkpoint, and images decoded')
    add_start(sub)
    sub.add_argument('--iteration', type=int, default=20000, metavar='K',
                     help='of the checkpoint (default: %(default)s)')
    sub = commands.add_parser(
        'validation', help="share of validation in a run's time")
    add_arguments(sub)
    sub.add_argument('more', nargs='*', metavar='config',
                     help='more configs, a row each')
    sub.add_argument('--gpus', type=int, default=0, metavar='N',
                     help='default: base batch of auto_scale_lr over the '
                     "loader's batch")
    sub.add_argument('--val-images', type=int, default=0, metavar='N',
                     help='default: as the data set of the config has them')
    sub.add_argument('--val-batch', type=int, nargs='+', default=[],
                     metavar='N', help='validate in batches of N as well')
    add_steps(sub, 10)
    sub = commands.add_parser(
        'gloo', help='step of two processes on the CPU over one')
    add_arguments(sub)
    sub.add_argument('--threads', type=int, default=1, metavar='N',
                     help='of each process (default: %(default)s)')
    sub.add_argument('--wrapper', nargs='+', action=DictAction, default={},
                     metavar='KEY=VALUE', help='for the distributed wrapper, '
                     'such as gradient_as_bucket_view=True')
    add_steps(sub, 20)
    args = parser.parse_args()
    for name, value in vars(args).items():
        least = 0 if name in ('gpus', 'val_images', 'workers') else 1
        values = value if isinstance(value, list) else [value]
        if any(isinstance(v, int) and v < least for v in values):
            parser.error(f'--{name.replace("_", "-")} takes numbers from '
                         f'{least} on')
    return args


def add_steps(parser: argparse.ArgumentParser, iters: int) -> None:
    """Options of the commands that run training steps."""
    parser.add_argument('--iters', type=int, default=iters, metavar='N',
                        help='steps that count (default: %(default)s)')
    parser.add_argument('--warmup', type=int, default=3, metavar='N',
                        help='steps before them (default: %(default)s)')
    parser.add_argument('--batch', type=int, nargs=2, metavar=('L', 'U'),
                        help="labelled and unlabelled images; default: a GPU's"
                        ' share in the config')


def start_options(args: argparse.Namespace, data: Dict[str, Any]
                  ) -> List[str]:
    """What ``train.py`` gets behind ``--cfg-options``."""
    return as_options({
        **(args.cfg_options or {}), **data,
        'train_dataloader.num_workers': args.workers,
        'train_dataloader.persistent_workers': args.workers > 0})


def startup(args: argparse.Namespace, folder: Path) -> Dict[str, Any]:
    """Fresh starts with all ids, and with a hundred."""
    cfg = semi_config(args.config, args.cfg_options)
    sizes = dict(all=dict(labeled=args.labeled, unlabeled=args.unlabeled),
                 few=FEW)
    roots = {name: start_options(args, write_data(
        folder / f'data_{name}', cfg, dict(numbers, val=VAL)))
        for name, numbers in sizes.items()}
    found = measure_startup(cfg, args.config, folder, roots, args.rounds)
    print_startup(found)
    return found


def resume(args: argparse.Namespace, folder: Path) -> Dict[str, Any]:
    """Fresh starts, and starts from a checkpoint of a late iteration."""
    cfg = semi_config(args.config, args.cfg_options)
    data = write_data(folder / 'data', cfg, RESUME)
    found = measure_resume(cfg, args.config, folder,
                           start_options(args, data), args.iteration,
                           args.rounds)
    print_resume(found)
    return found


def validation(args: argparse.Namespace, folder: Path) -> Dict[str, Any]:
    """A training step and a validation image of each config."""
    rows = []
    for k, path in enumerate([args.config, *args.more]):
        cfg = semi_config(path, args.cfg_options)
        rows.append(_bench_validation.measure(cfg, path, folder / str(k),
                                              args))
    print_validation(rows)
    return dict(configs=rows)


def gloo(args: argparse.Namespace, folder: Path) -> Dict[str, Any]:
    """Steps of one process and of two."""
    cfg = semi_config(args.config, args.cfg_options)
    found = _bench_gloo.measure(dict(
        config=args.config, options=args.cfg_options,
        batch=args.batch or counts(cfg, args.config),
        shape=cfg.model.data_preprocessor.size, threads=args.threads,
        iters=args.iters, warmup=args.warmup, wrapper=args.wrapper), folder)
    print_pair(found)
    return found


def semi_config(path: str, options: Any) -> Config:
    """A semi-supervised config.

    Raises:
        SystemExit: If it is none.
    """
    cfg = load_config(path, options)
    counts(cfg, path)
    return cfg


COMMANDS: Dict[str, Callable] = dict(
    startup=startup, resume=resume, validation=validation, gloo=gloo)


def main() -> None:
    """Run a command and print its table."""
    args = parse_args()
    with TemporaryDirectory(prefix='benchmark_run_') as folder:
        machine = facts(get_device())
        print(f'{args.command}: {args.config}, {machine["cpu"]}, load average '
              f'{os.getloadavg()[0]:.1f}')
        result = COMMANDS[args.command](args, Path(folder))
    result.update(command=args.command, config=args.config, machine=machine)
    if args.out:
        write_json(args.out, result)


if __name__ == '__main__':
    keep_freed_memory()
    main()
