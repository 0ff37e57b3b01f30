"""Processes joined by gloo that share the imports of the test."""

import multiprocessing
import os
import time
from datetime import timedelta
from multiprocessing import connection
from pathlib import Path
from typing import Callable, List, NamedTuple

from conftest import free_port
from torch import distributed


class Ended(NamedTuple):
    """How a process ended: its code, what it raised, after how long."""

    code: object
    message: str
    seconds: float


def in_ranks(count: int, work: Callable[[int], None], folder: Path,
             timeout: float = 600, patience: float = 60) -> List[Ended]:
    """Run ``work(rank)`` in processes of one group.

    Args:
        count (int): Number of processes.
        work (Callable): What each does; may raise, or end its process.
        folder (Path): Existing one; gets what they raise.
        timeout (float): Of the group, seconds.
        patience (float): Seconds until all but one have ended.

    Returns:
        list[Ended]: By rank. A code of None: it did not end by itself.
    """
    port = free_port()

    def child(rank: int) -> None:
        os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=port,
                          RANK=str(rank), LOCAL_RANK=str(rank),
                          WORLD_SIZE=str(count))
        distributed.init_process_group('gloo',
                                       timeout=timedelta(seconds=timeout))
        start = time.monotonic()
        try:
            work(rank)
        except Exception as error:
            took = time.monotonic() - start
            (folder / f'{rank}.txt').write_text(
                f'{took} {type(error).__name__}: {error}')
            os._exit(1)
        os._exit(0)

    fork = multiprocessing.get_context('fork')
    ranks = [fork.Process(target=child, args=(rank,)) for rank in range(count)]
    for process in ranks:
        process.start()
    # All but one, which may hang. Nobody collects them so far, as with srun.
    running, limit = [p.sentinel for p in ranks], time.monotonic() + patience
    while len(running) > 1 and time.monotonic() < limit:
        for ended in connection.wait(running, 1):
            running.remove(ended)
    ends = []
    for rank, process in enumerate(ranks):
        process.join(1)
        code = process.exitcode
        process.kill()
        process.join()
        path = folder / f'{rank}.txt'
        seconds, _, message = (path.read_text() if path.is_file() else '0 '
                               ).partition(' ')
        ends.append(Ended(code, message, float(seconds)))
    return ends
