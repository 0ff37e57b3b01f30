"""Plain words for failures from outside: lost processes, killed workers."""

import os
import re
import socket
import time
from pathlib import Path
from typing import Callable, List, NamedTuple, Optional

from torch import distributed

from ..models.backbones import WeightsError

WORKER = re.compile(r'DataLoader worker \(pid')
LOST = re.compile(r'gloo/transport|Connection (closed|reset) by peer')
PATIENCE = 5  # seconds in which a lost process of this machine must be gone


class Peer(NamedTuple):
    """Where a process of a distributed run is."""

    rank: int
    host: str
    pid: int


def explain_failures(run: Callable[[], object]) -> None:
    """Run something; a known failure from outside is told in plain words.

    torch names neither the rank that is gone nor what to do against a killed
    worker. Call it after the process group is there, which all processes do
    at the same time.

    Args:
        run (Callable): Such as ``Runner.from_cfg(cfg).train``.

    Raises:
        RuntimeError: With cause and remedy in place of torch's, from which it
            comes. Other errors pass as they are.
    """
    peers = find_peers()
    try:
        run()
    except WeightsError:
        raise
    except RuntimeError as error:
        text = chain_text(error)
        if WORKER.search(text):
            raise RuntimeError(explain_worker(text)) from error
        of_torch = getattr(distributed, 'DistError', ())  # from 2.2 on
        if peers and (isinstance(error, of_torch)
                      or LOST.search(str(error))):
            raise RuntimeError(explain_lost(peers)) from error
        raise


def chain_text(error: Optional[BaseException]) -> str:
    """The messages of an error and of those it comes from."""
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__cause__ or error.__context__
    return '\n'.join(texts)


def explain_worker(text: str) -> str:
    """What to do about a worker of a data loader that is gone.

    Args:
        text (str): torch's messages.

    Returns:
        str: Cause and remedy.
    """
    pids = re.findall(r'worker \(pid(?:\(s\))? ([\d, ]+)\)', text)[0]
    signal = re.search(r'killed by signal: ([\w ]+)', text)
    name = signal[1].strip() if signal else 'Killed'
    subject = f'a process that loads images (worker, pid {pids})'
    if name == 'Killed':
        return (
            f'{subject} was killed, most likely by the operating system for '
            'want of memory (dmesg, or the log of the job, tells). Lower '
            'train_dataloader.num_workers or train_dataloader.prefetch_factor '
            '(batches each worker holds ready, 2 unless set), set '
            'val_dataloader.persistent_workers=False, or take smaller crops '
            'or batches; then go on with --resume')
    if name == 'Bus error':
        return (
            f'{subject} found no room in shared memory (/dev/shm): enlarge '
            'it (docker run --shm-size=8g), or lower train_dataloader.'
            'num_workers or train_dataloader.prefetch_factor; then go on '
            'with --resume')
    return (f'{subject} crashed ({name}). With train_dataloader.num_workers=0 '
            'the training process itself loads the images and shows where; '
            'train_dataloader.persistent_workers=False and prefetch_factor='
            'None go with it')


def find_peers() -> List[Peer]:
    """The processes of the run; empty where there is but one."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return []
    peers: list = [None] * distributed.get_world_size()
    me = Peer(distributed.get_rank(), socket.gethostname(), os.getpid())
    distributed.all_gather_object(peers, me)
    return peers


def process_state(pid: int) -> str:
    """State of a process of this machine, one letter as in ``ps``.

    Args:
        pid (int): Its id.

    Returns:
        str: 'X' if there is none, or only an unreaped one.
    """
    try:
        text = Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return 'X'
    state = text.rpartition(')')[2].split()[0]
    return 'X' if state == 'Z' else state


def explain_lost(peers: List[Peer]) -> str:
    """Which process left the others waiting, as far as it can be seen.

    Args:
        peers (list[Peer]): The processes of the run.

    Returns:
        str: Cause and remedy.
    """
    host = socket.gethostname()
    here = {peer.rank: peer.pid for peer in peers if peer.host == host}
    away = [f'{peer.rank} ({peer.host})' for peer in peers
            if peer.host != host]
    deadline = time.monotonic() + PATIENCE
    while True:
        states = {rank: process_state(pid) for rank, pid in here.items()}
        ended = [rank for rank, state in states.items() if state == 'X']
        if ended or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    hung = [rank for rank, state in states.items() if state in 'Tt']
    rest = f' Not seen from {host}: rank {", ".join(away)}.' if away else ''
    if ended:
        what = (f'Ended: rank {join(ended)}.{rest} Its own output says why; '
                'without a word it was killed, for example for want of memory '
                '(dmesg).')
    elif hung:
        what = (f'Stopped by a signal: rank {join(hung)}.{rest} Continue or '
                'kill it.')
    elif away:
        what = (f'Those of {host} all run.{rest} Look there for one that has '
                'ended or hangs.')
    else:
        what = (f'None of rank {join(list(here))} has ended; one hangs ("py-'
                'spy dump --pid PID" shows where), or needs longer than env_'
                'cfg.dist_cfg.timeout seconds (raise it).')
    return (f'a process of this run does not answer, the others cannot go on. '
            f'{what} Then start all of them again with --resume, unless '
            'their launcher does (tools/dist_train.sh)')


def join(ranks: List[int]) -> str:
    """Ranks as text."""
    return ', '.join(map(str, ranks))
