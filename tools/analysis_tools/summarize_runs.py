"""Table and curves of several runs, grouped over their seeds."""

import argparse
import statistics
import sys
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import matplotlib

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
matplotlib.use('Agg')

import matplotlib.pyplot as plt  # noqa: E402
from _runs import (  # noqa: E402
    Curve,
    DamagedFileError,
    Run,
    RunError,
    mean_and_spread,
    read_run,
)
from prettytable import MARKDOWN, PrettyTable  # noqa: E402


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='Folders whose names differ in a trailing _seedN alone are '
        'one group. The table has the value of the last iteration, never the '
        'best one.')
    parser.add_argument('work_dirs', type=Path, nargs='+', metavar='WORK_DIR')
    parser.add_argument('--metric', default='mIoU',
                        help='key of the table (default: %(default)s)')
    parser.add_argument('--plot', type=Path, metavar='PNG',
                        help='draw the curves into this file')
    parser.add_argument(
        '--keys', nargs='+', default=['mIoU'], metavar='KEY',
        help='what --plot draws, a panel each (default: mIoU)')
    return parser.parse_args()


def group_runs(runs: Sequence[Run]) -> Dict[str, List[Run]]:
    """Runs of each group, by seed.

    Raises:
        RunError: If a group has a seed twice.
    """
    groups: Dict[str, List[Run]] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        group = groups.setdefault(run.group, [])
        if group and group[-1].seed == run.seed:
            raise RunError(
                f'{group[-1].work_dir} and {run.work_dir} are both seed '
                f'{run.seed} of {run.group}: leave one out, or rename one '
                'before its _seedN')
        group.append(run)
    return groups


def make_table(groups: Dict[str, List[Run]], metric: str) -> PrettyTable:
    """A row a group: seeds, mean, standard deviation (n - 1) of the last."""
    table = PrettyTable(['run', 'seeds', 'iterations', metric, 'each seed'])
    table.set_style(MARKDOWN)
    table.align = 'l'
    for name, runs in groups.items():
        values = [run.last(metric) for run in runs]
        table.add_row([
            name, ' '.join(str(run.seed) for run in runs),
            ' '.join(sorted({str(run.max_iters) for run in runs})),
            mean_and_spread(values),
            ', '.join(f'{value:.1f}' for value in values)
        ])
    return table


def mean_and_range(curves: Sequence[Curve]) -> Tuple[List, List, List, List]:
    """Iterations that all curves have; there mean, minimum and maximum."""
    steps = sorted(set.intersection(*(set(curve) for curve in curves)))
    values = [[curve[step] for curve in curves] for step in steps]
    return (steps, [statistics.mean(v) for v in values],
            [min(v) for v in values], [max(v) for v in values])


def draw(groups: Dict[str, List[Run]], keys: Sequence[str],
         path: Path) -> None:
    """One panel a key, one line a group, a band from lowest to highest.

    A group has one colour in all panels, also where some lack its key.

    Args:
        groups (dict[str, list[Run]]): Name -> runs.
        keys (Sequence[str]): Logged keys, losses and metrics alike.
        path (Path): The picture.

    Raises:
        RunError: If no run logged a key.
    """
    known = {k for runs in groups.values() for run in runs for k in run.curves}
    unknown = set(keys) - known
    if unknown:
        raise RunError(f'--keys {" ".join(sorted(unknown))}: no run logged '
                       f'it; there are {", ".join(sorted(known))}')
    figure, axes = plt.subplots(1, len(keys), squeeze=False,
                                figsize=(5 * len(keys), 3.9),
                                layout='constrained')
    lines = {}
    for axis, key in zip(axes[0], keys, strict=True):
        for number, (name, runs) in enumerate(groups.items()):
            curves = [run.curves[key] for run in runs if key in run.curves]
            if not curves:
                continue
            steps, mean, low, high = mean_and_range(curves)
            lines[name], = axis.plot(steps, mean, color=f'C{number}')
            axis.fill_between(steps, low, high, color=f'C{number}', alpha=0.2)
        axis.set_xlabel('iteration')
        axis.set_title(key)
        axis.grid(alpha=0.3)
    figure.legend(lines.values(), lines, loc='outside lower center',
                  ncol=len(keys), fontsize='small')
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Print the table, draw the curves."""
    args = parse_args()
    try:
        runs = [read_run(path, args.metric) for path in args.work_dirs]
        groups = group_runs(runs)
        print(make_table(groups, args.metric).get_string())
        if args.plot:
            draw(groups, args.keys, args.plot)
    except (RunError, DamagedFileError) as error:
        raise SystemExit(f'error: {error}') from error


if __name__ == '__main__':
    main()
