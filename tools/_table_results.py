"""From the work dirs of a table's runs to its numbers."""

import re
import statistics
from pathlib import Path
from typing import List, Sequence

import _book
from _book import BookError, Model, Table, write_results
from _plan import work_dir_of
from _runs import (
    UNKNOWN,
    Run,
    RunError,
    mean_and_spread,
    read_origin,
    read_run,
)
from prettytable import PrettyTable, TableStyle

METRIC = 'mIoU'


def finished_runs(model: Model, work_dirs: Path,
                  seeds: Sequence[int]) -> List[Run]:
    """The runs of a row that reached their last iteration."""
    runs = []
    for seed in seeds:
        try:
            runs.append(read_run(work_dir_of(model, seed, work_dirs), METRIC))
        except RunError:
            continue
    return runs


def make_table(table: Table, work_dirs: Path,
               seeds: Sequence[int]) -> PrettyTable:
    """A line a row: the paper's number and that of the runs so far."""
    text = PrettyTable(['row', 'config', "paper's", METRIC, 'each seed'])
    text.set_style(TableStyle.MARKDOWN)
    text.align = 'l'
    for row in table.rows:
        runs = finished_runs(row.model, work_dirs, seeds)
        values = [run.last(METRIC) for run in runs]
        text.add_row([
            row.label, row.model.name, '' if row.paper is None else row.paper,
            mean_and_spread(values) if values else '',
            ', '.join(f'{run.seed}: {run.last(METRIC):.2f}' for run in runs)
        ])
    return text


def read_commits(work_dir: Path) -> List[str]:
    """Which code made a run: a commit for each part that was resumed.

    Raises:
        BookError: If one is not known, or was no commit.
    """
    path = work_dir / 'run.json'
    commits = read_origin(work_dir)['commits']
    if UNKNOWN in commits:
        raise BookError(f'{path} does not say which commit made all of this '
                        'run, as runs of run_table.py do; delete the folder '
                        'and run again')
    for commit in commits:
        if commit.endswith('-dirty'):
            raise BookError(f'{path}: the code was changed after commit '
                            f'{commit}; commit it, delete the folder and run '
                            'again')
    return commits


def key_lines(work_dir: Path) -> List[str]:
    """Of a run's logs: every validation, and the last training line."""
    lines: List[str] = []
    train = ''
    for path in sorted(work_dir.glob('*/*.log')):
        for line in path.read_text().splitlines():
            found = re.search(r'Iter\((train|val)\) .*', line)
            if found and found[1] == 'train':
                train = found[0]
            elif found and METRIC in line:
                lines.append(found[0])
    return [train, *lines]


def check_finished(table: Table, work_dirs: Path,
                   seeds: Sequence[int]) -> None:
    """Refuse to record a part of a table.

    Raises:
        BookError: Naming the runs that are not finished.
    """
    missing = {
        str(work_dir_of(row.model, seed, work_dirs)): None
        for row in table.rows for seed in seeds
        if not finished_runs(row.model, work_dirs, [seed])
    }
    if missing:
        raise BookError('--record trains nothing, and these are not finished: '
                        f'{", ".join(missing)}. Nothing was written; leave '
                        '--record out to run them')


def name_in_repository(log: Path) -> str:
    """How the metafiles name the file of key lines.

    Raises:
        BookError: If the docs cannot link to it.
    """
    root = _book.ROOT.resolve()
    if not log.resolve().is_relative_to(root):
        raise BookError(f'--record {log}: the docs link to this file; give '
                        f'one in {root}, such as docs/logs/NAME.txt')
    return log.resolve().relative_to(root).as_posix()


def record(table: Table, work_dirs: Path, seeds: Sequence[int],
           log: Path) -> None:
    """Write the results of a table into the metafiles, key lines into a file.

    Args:
        table (Table): Which rows.
        work_dirs (Path): Where they ran.
        seeds (Sequence[int]): Which runs.
        log (Path): Becomes the key lines; the metafiles name it.

    Raises:
        BookError: If a run is not finished, its commits are not known, or the
            log is not in the repository.
    """
    name = name_in_repository(log)
    check_finished(table, work_dirs, seeds)
    text, results = [f'# table {table.key}: {table.title}'], []
    for model in {row.model.name: row.model for row in table.rows}.values():
        runs = finished_runs(model, work_dirs, seeds)
        known = set()
        for run in runs:
            commits = read_commits(run.work_dir)
            known.update(commits)
            text.append(f'\n## {model.name}, seed {run.seed}, commit '
                        f'{", ".join(commits)}')
            text += key_lines(run.work_dir)
        values = [run.last(METRIC) for run in runs]
        results.append((model, {
            'Task': 'Semantic Segmentation',
            'Dataset': model.metadata['Training Data'].split(',')[0],
            'Metrics': {METRIC: round(statistics.mean(values), 2)},
            'Each Seed': values,
            'Seeds': list(seeds),
            'Commit': ', '.join(sorted(known)),
            'Log': name
        }))
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text('\n'.join(text) + '\n')
    for model, result in results:
        write_results(model, result)
    print(f'written: {log} and the metafiles of {len(results)} configs; now '
          'tools/make_tables.py')
