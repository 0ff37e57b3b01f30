"""From the work dirs of a table's runs to its numbers."""

import json
import re
import statistics
from pathlib import Path
from typing import List, Sequence

from _book import BookError, Model, Table, write_results
from _plan import work_dir_of
from _runs import Run, RunError, mean_and_spread, read_run
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


def read_commit(work_dir: Path) -> str:
    """Which code made a run.

    Raises:
        BookError: If it is not known, or was no commit.
    """
    path = work_dir / 'run.json'
    if not path.is_file():
        raise BookError(f'{path} is missing: which commit made this run? Runs '
                        'of run_table.py say so')
    commit = json.loads(path.read_text())['commit']
    if commit.endswith('-dirty'):
        raise BookError(f'{path}: the code was changed after commit {commit}; '
                        'commit it and run again')
    return commit


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


def record(table: Table, work_dirs: Path, seeds: Sequence[int],
           log: Path) -> None:
    """Write the results of a table into the metafiles, key lines into a file.

    Args:
        table (Table): Which rows.
        work_dirs (Path): Where they ran.
        seeds (Sequence[int]): Which runs.
        log (Path): Becomes the key lines; the metafiles name it.

    Raises:
        BookError: If a run is missing, or its commit is not known.
    """
    text, results = [f'# table {table.key}: {table.title}'], []
    for model in {row.model.name: row.model for row in table.rows}.values():
        runs = finished_runs(model, work_dirs, seeds)
        if len(runs) < len(seeds):
            raise BookError(f'--record: {model.name} is not finished with '
                            'every seed; nothing was written')
        folders = [work_dir_of(model, seed, work_dirs) for seed in seeds]
        commits = [read_commit(folder) for folder in folders]
        for seed, folder, commit in zip(seeds, folders, commits, strict=True):
            text.append(f'\n## {model.name}, seed {seed}, commit {commit}')
            text += key_lines(folder)
        values = [run.last(METRIC) for run in runs]
        results.append((model, {
            'Task': 'Semantic Segmentation',
            'Dataset': model.metadata['Training Data'].split(',')[0],
            'Metrics': {METRIC: round(statistics.mean(values), 2)},
            'Each Seed': values,
            'Seeds': list(seeds),
            'Commit': ', '.join(sorted(set(commits))),
            'Log': log.as_posix()
        }))
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text('\n'.join(text) + '\n')
    for model, result in results:
        write_results(model, result)
    print(f'written: {log} and the metafiles of {len(results)} configs; now '
          'tools/make_tables.py')
