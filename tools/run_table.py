"""Run the rows of a table of the experiment book, and fill the table.

Tables are those of the paper (1 to 8, 10 to 12, fig3a to fig5f) and of
docs/experiments.md. Each row is a config, trained once with each seed in
WORK_DIRS/CONFIG_seedN. A run that is finished is skipped, one that was stopped
is resumed. A row's result is the LAST checkpoint's, never the best on val.
"""

import argparse
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List

import _book
from _book import BookError, Table, read_tables
from _plan import Job, PlanError, make_plan
from _runs import DamagedFileError, RunError, claim
from _table_results import make_table, record


def from_here(path: str) -> Path:
    """A path from the folder where this is called."""
    return Path(os.path.abspath(path))


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Without --gpus and --slurm a run is one process. Can be '
        'called from any folder; the commands are run in the repository. '
        'After --record, tools/make_tables.py writes the docs.')
    parser.add_argument('table', help='such as 5, fig3a or small-5')
    parser.add_argument('--gpus', type=int, metavar='N',
                        help='GPUs of a run (tools/dist_train.sh)')
    parser.add_argument('--slurm', metavar='PARTITION',
                        help='run there (tools/slurm_train.sh)')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0],
                        metavar='SEED', help='default: 0')
    parser.add_argument('--jobs', type=int, default=1, metavar='N',
                        help='runs at the same time (default: 1)')
    add_content_arguments(parser)
    args = parser.parse_args()
    if args.gpus and args.jobs > 1 and not args.slurm:
        parser.error('--jobs with --gpus: the runs would share the GPUs; run '
                     'one at a time, or use --slurm')
    if args.slurm and not args.gpus:
        parser.error('--slurm needs --gpus N, the GPUs of a run')
    return args


def add_content_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is run, in which folders, or not at all."""
    parser.add_argument('--work-dirs', type=from_here, metavar='DIR',
                        default=_book.ROOT / 'work_dirs',
                        help='default: work_dirs of the repository')
    parser.add_argument(
        '--data-root', type=from_here, metavar='DIR',
        help='read every data set of every run, and its lists, in this folder')
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
        help='override keys in every run, such as train_cfg.max_iters=1500; '
        'paths are relative to the repository')
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument('--dry-run', action='store_true',
                      help='print the commands and the table so far')
    mode.add_argument(
        '--record', type=from_here, metavar='LOG',
        help="train nothing; write the runs' key lines into this file and the "
        'results into the metafiles. Every row must be finished with every '
        'seed')


def find_table(key: str) -> Table:
    """The table of this name."""
    tables = read_tables()
    if key not in tables:
        raise BookError(f'there is no table {key}; there are '
                        f'{", ".join(tables)}')
    return tables[key]


def run_job(job: Job) -> int:
    """Run the commands of a job, their output in a file beside its work dir.

    Returns:
        int: Exit status of the first command that failed, or 0.
    """
    log = job.work_dir.with_name(job.work_dir.name + '.log')
    print(f'{job.name}: started, output in {log}', flush=True)
    claim(job.work_dir, job.processes, [str(c) for c in job.commands])
    with log.open('a') as stream:
        for command in job.commands:
            status = subprocess.run(
                command.argv, cwd=_book.ROOT, stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **command.env}).returncode
            if status:
                print(f'{job.name}: FAILED with status {status}, see {log}',
                      flush=True)
                return status
    print(f'{job.name}: finished', flush=True)
    return 0


def run_plan(plan: List[Job], parallel: int) -> bool:
    """Run what is not finished, teachers before their students.

    Returns:
        bool: Whether all went well.
    """
    well = True
    for students in (False, True):
        wave = [job for job in plan
                if job.state != 'finished' and bool(job.teacher) is students]
        with ThreadPoolExecutor(parallel) as pool:
            well = not any(pool.map(run_job, wave)) and well
    return well


def print_plan(plan: List[Job], commands: bool) -> None:
    """Print how far each run got, as comments in a script of the commands."""
    if commands:
        print(shlex.join(['cd', str(_book.ROOT)]))
    for job in plan:
        print(f'# {job.name}: {job.state}')
        if commands and job.state != 'finished':
            print('\n'.join(map(str, job.commands)))


def main() -> None:
    """Print the plan; run it; print the table."""
    args = parse_args()
    try:
        table = find_table(args.table)
        plan = make_plan(table, args)
        print_plan(plan, commands=not args.record)
        well = args.dry_run or args.record or run_plan(plan, args.jobs)
        print(f'\n{table.title}; mIoU of the last checkpoint')
        print(make_table(table, args.work_dirs, args.seeds).get_string())
        if not well:
            sys.exit('error: not every run went well')
        if args.record:
            record(table, args.work_dirs, args.seeds, args.record)
    except (BookError, DamagedFileError, PlanError, RunError) as error:
        sys.exit(f'error: {error}')


if __name__ == '__main__':
    main()
