"""Work in several processes, which ends whatever happens to one of them."""

import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Callable, List, Sequence, TypeVar

from mmengine.utils import ProgressBar

Task = TypeVar('Task')
Result = TypeVar('Result')


def map_parallel(work: Callable[[Task], Result], tasks: Sequence[Task],
                 nproc: int) -> List[Result]:
    """``[work(task) for task in tasks]``, with a progress bar on stderr.

    Why not MMEngine's ``track_parallel_progress``: it leaves its pool open
    where ``work`` raises, which now and then never lets the interpreter end,
    and it waits forever for a process that the system has killed.

    Args:
        work (Callable): Can be pickled, as can its tasks and results.
        tasks (Sequence): What to do.
        nproc (int): Number of processes.

    Returns:
        list: The results in the order of the tasks.

    Raises:
        SystemExit: If a process was killed.
        Exception: The first that ``work`` raised; no task is begun after it.
    """
    results: List[Result] = []
    if not tasks:
        return results
    bar = ProgressBar(len(tasks), file=sys.stderr)
    try:
        with ProcessPoolExecutor(nproc) as pool:
            for result in pool.map(work, tasks, chunksize=8):
                results.append(result)
                bar.update()
    except BrokenProcessPool as error:
        raise SystemExit(
            f'\nerror: one of {nproc} processes was killed after '
            f'{len(results)} of {len(tasks)} files, most often for want of '
            'memory: free some, or ask for fewer processes where the tool has '
            'an option for them') from error
    finally:
        print(file=sys.stderr)
    return results
