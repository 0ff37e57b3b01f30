"""Work in several processes, which ends whatever happens to one of them.

Not in the package, which would import MMSegmentation: the converters that use
this do without.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import (
    Any,
    Callable,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    TextIO,
    TypeVar,
)

from tqdm import tqdm

Item = TypeVar('Item')
Task = TypeVar('Task')
Result = TypeVar('Result')


class _Lines:
    """A stream on which each state of a bar becomes a line."""

    def __init__(self, file: TextIO) -> None:
        self.file = file

    def write(self, text: str) -> None:
        """Write a state without what moves a terminal's cursor."""
        text = text.strip()
        if text:
            self.file.write(f'{text}\n')

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def progress(items: Iterable[Item], total: Optional[int] = None,
             desc: str = '', seconds: float = 5.,
             file: Optional[TextIO] = None) -> Iterator[Item]:
    """Yield items, and show on stderr how many have passed.

    MMEngine's ``track_progress`` and tqdm alone write each state into a file
    or a pipe as into a terminal: hundreds of lines, or one of many kB.

    Args:
        items (Iterable): What to yield.
        total (int, optional): Their number, where ``len`` does not tell.
        desc (str): Goes before the bar.
        seconds (float): Least time between two lines, where it is no
            terminal.
        file (TextIO, optional): In place of stderr.

    Yields:
        Any: The items.
    """
    out = sys.stderr if file is None else file
    terminal = out.isatty()
    yield from tqdm(
        items, desc or None, total, file=out if terminal else _Lines(out),
        mininterval=0.1 if terminal else seconds)


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
    try:
        with ProcessPoolExecutor(nproc) as pool:
            for result in progress(pool.map(work, tasks, chunksize=8),
                                   len(tasks)):
                results.append(result)
    except BrokenProcessPool as error:
        raise SystemExit(
            f'error: one of {nproc} processes was killed after '
            f'{len(results)} of {len(tasks)} files, most often for want of '
            'memory: free some, or ask for fewer processes where the tool has '
            'an option for them') from error
    return results
