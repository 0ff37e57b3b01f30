"""The tables of ``benchmark_run.py``."""

from typing import Any, Dict, Sequence

from _benchmark import print_table

MIB = 2**20


def megabytes(number: float) -> str:
    """Bytes for a table."""
    return f'{number / MIB:.1f}'


def print_starts(kinds: Dict[str, Dict[str, Any]]) -> None:
    """Seconds of each kind of start, whole and in parts."""
    names = dict.fromkeys(
        name for found in kinds.values() for name in found['parts'])
    rows = [[name, *(f'{found["parts"].get(name, 0.):.2f}'
                     for found in kinds.values())] for name in names]
    for title, key in (('until the first batch, median', 'seconds'),
                       ('until the first batch, fastest', 'fastest'),
                       ("main process's core, median", 'cpu_seconds')):
        rows.append([title, *(f'{found[key]:.2f}'
                              for found in kinds.values())])
    print_table(['seconds', *kinds], rows)


def print_startup(found: Dict[str, Dict[str, Any]]) -> None:
    """Times, and what the workers hold."""
    kinds = {f'{labeled:,} + {unlabeled:,} ids': start for start in
             found.values() for labeled, unlabeled in
             [start['sizes'].values()]}
    print_starts(kinds)
    rows = [['list of ids, serialised',
             *(megabytes(start['list_bytes']) for start in kinds.values())]]
    for who, title in (('main', 'main process'), ('worker', 'a worker'),
                       ('reader', 'reader of all ids')):
        for kind in ('private', 'pss') if found['all'][who] else ():
            rows.append([f'{title}, {kind}', *(
                megabytes(start[who][kind]) for start in kinds.values())])
    print_table(['MiB', *kinds], rows)
    more = (found['all']['reader']['private'] -
            found['few']['reader']['private'])
    print(f'\nwhoever has read all ids holds {more / MIB:+.1f} MiB more of '
          'its own, of a list of '
          f'{megabytes(found["all"]["list_bytes"])} MiB')


def print_resume(found: Dict[str, Any]) -> None:
    """Times, and what is decoded before the first batch."""
    kinds = {name: found[name] for name in ('fresh', 'resumed')}
    print_starts(kinds)
    rows = [['iteration', *(start['iteration'] for start in kinds.values())]]
    for title, key in (('decoded', 'decoded'),
                       ('decoded by then, by all workers', 'by_workers')):
        rows += [[f'{what} {title}', *(start[key][what]
                                       for start in kinds.values())]
                 for what in ('images', 'masks')]
    print_table(['before the first batch', *kinds], rows)
    more = found['resumed']['seconds'] - found['fresh']['seconds']
    print(f'\nresumed over fresh: {more:+.2f} s, with a checkpoint of '
          f'{megabytes(found["checkpoint_bytes"])} MiB')


def print_validation(rows: Sequence[Dict[str, Any]]) -> None:
    """A row for each config, and batches of several images."""
    print_table(
        ['config', 'batch', 'step, s', 'of the whole batch, s',
         'validation image, s', 'end, s', 'iterations', 'validations',
         'images', 'GPUs', 'share of time'],
        [[row['config'], '{} + {}'.format(*row['batch']),
          f'{row["measured_step"]:.3f}', f'{row["step"]:.3f}',
          f'{row["image"]:.4f}', f'{row["end"]:.4f}', row['iterations'],
          row['validations'], row['val_images'], row['gpus'],
          f'{100 * row["share"]:.3f} %'] for row in rows])
    print_table(
        ['config', 'images at once', 's an image', 'same metrics',
         'exchanges between processes'],
        [[row['config'], size, f'{found["image"]:.4f}',
          'yes' if found['metrics'] == row['metrics'] else 'no',
          ', '.join(f'{n} x {name}'
                    for name, n in found['collectives'].items())]
         for row in rows for size, found in row['batched'].items()])


def print_pair(found: Dict[str, Any]) -> None:
    """Seconds and ratios."""
    for title, unit, rows in (
            ('step of a process', ' s', found['steps']),
            ('ratio within a round', '', found['ratios'])):
        print_table([title, f'median{unit}', f'fastest{unit}',
                     f'median{unit} of a core'], [
            [name, *(f'{row[key]:.3f}'
                     for key in ('median', 'fastest', 'core'))]
            for name, row in rows.items()])
    print(f'\n{found["threads"]} threads a process, '
          f'{megabytes(found["gradient_bytes"])} MiB of gradients')
