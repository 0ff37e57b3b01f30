"""Processes joined by gloo that share the imports of the test."""

import multiprocessing
import os
import time
from multiprocessing import connection
from pathlib import Path
from typing import Callable, List, NamedTuple, Optional

from conftest import free_port
from torch import distributed

PATIENCE = 300  # seconds; the timeout of a group is 1800


class Ended(NamedTuple):
    """How a process ended: its code, and what it raised."""

    code: object
    message: str


def in_ranks(count: int, work: Callable[[int], None], folder: Path,
             hangs: Optional[int] = None) -> List[Ended]:
    """Run ``work(rank)`` in processes of one group.

    Args:
        count (int): Number of processes.
        work (Callable): What each does; may raise, or end its process.
        folder (Path): Existing one; gets what they raise.
        hangs (int, optional): The process that does not end by itself.

    Returns:
        list[Ended]: By rank. A code of None: it did not end by itself.
    """
    port = free_port()

    def child(rank: int) -> None:
        os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=port,
                          RANK=str(rank), LOCAL_RANK=str(rank),
                          WORLD_SIZE=str(count))
        distributed.init_process_group('gloo')
        try:
            work(rank)
        except Exception as error:
            (folder / f'{rank}.txt').write_text(
                f'{type(error).__name__}: {error}')
            os._exit(1)
        os._exit(0)

    fork = multiprocessing.get_context('fork')
    ranks = [fork.Process(target=child, args=(rank,)) for rank in range(count)]
    for process in ranks:
        process.start()
    # Nobody collects those that have ended so far, as with srun.
    running = [p.sentinel for rank, p in enumerate(ranks) if rank != hangs]
    limit = time.monotonic() + PATIENCE
    while running and time.monotonic() < limit:
        for ended in connection.wait(running, 1):
            running.remove(ended)
    ends = []
    for rank, process in enumerate(ranks):
        process.join(0 if rank == hangs else PATIENCE)
        code = process.exitcode
        process.kill()
        process.join()
        path = folder / f'{rank}.txt'
        ends.append(Ended(code, path.read_text() if path.is_file() else ''))
    return ends
