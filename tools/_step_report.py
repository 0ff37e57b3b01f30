"""The tables of benchmark_step.py."""

import statistics
from typing import Any, Dict, List

from _benchmark import print_table
from _training_step import METHOD, SEMI, SUP


def quartiles(values: List[float]) -> str:
    """First and third quartile in ms: far apart on a busy machine."""
    low, _, high = statistics.quantiles(values, method='inclusive') \
        if len(values) > 1 else values * 3
    return f'{1000 * low:.1f} - {1000 * high:.1f}'


def print_steps(result: Dict[str, Any]) -> None:
    """The table of steps and the ratios."""
    labelled, unlabelled = result['batch']
    median, ratios = result['median_seconds'], result['ratios']
    print_table(
        ['step', 'median ms', 'quartiles', '/ supervised', 'images/s'],
        [[k, f'{1000 * v:.1f}', quartiles(result['seconds'][k]),
          f'{v / median[SUP]:.2f}',
          f'{(labelled + unlabelled * (k != SUP)) / v:.2f}']
         for k, v in median.items()])
    print()
    for name, value in ratios.items():
        print(f'{name}: {value:.3f}')
    weak = 'the weak pass has a gradient (image-level labels train the ' \
        'classifier on it), and so has the floor' if result['image_labels'] \
        else 'the weak pass has no gradient'
    print(f'{weak}; 7/3 = 2.33 is the floor over a supervised step '
          'where backward / forward is 2, as many images are unlabelled as '
          'labelled, and the weak pass has no gradient')


def print_parts(result: Dict[str, Any]) -> None:
    """The tables of parts, the method's share, memory and waits."""
    for name, parts in result['parts'].items():
        total = sum(parts.values())
        print_table([f'part of the {name} step', 'ms', 'share'],
                    [[k, f'{1000 * v:.1f}', f'{100 * v / total:.1f} %']
                     for k, v in parts.items()])
    print(f'\n{" + ".join(METHOD)}: {100 * result["method_share"]:.1f} % of '
          'the step forward; backward beyond that of the same passes: '
          f'{100 * result["extra_backward_share"]:.1f} %')
    peaks = result['peak_bytes']
    for name in (SEMI, SUP):
        text = f'{peaks[name] / 2**20:.0f} MiB ({peaks["counted"]})' \
            if name in peaks else "not measured: the process's peak, which " \
            'never falls, is that of the PseudoSeg step'
        print(f'peak memory, {name}: {text}')
    kind = 'host synchronisations' if result['device'] == 'cuda' else \
        'operations that would wait for a GPU (copies not counted)'
    for name, places in result['syncs'].items():
        where = ', '.join(f'{n} x {place}' for place, n in places.items())
        print(f'{kind}, {name}: {sum(places.values())} '
              f'{where and f"({where})"}')
