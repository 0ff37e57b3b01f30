"""Two processes on the CPU against one."""

import json
import os
import socket
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

from _bench_pair import APART, ONE, TWO
from _clock import ratio

PAIR = Path(__file__).with_name('_bench_pair.py')


def free_port() -> str:
    """A port that nobody listens on."""
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return str(server.getsockname()[1])


def measure(job: Dict[str, Any], folder: Path) -> Dict[str, Any]:
    """Start both processes, and compare their steps.

    Args:
        job (dict): ``config``, ``options``, ``batch`` and ``shape`` of a
            process, its ``threads``, ``iters`` and ``warmup``, and what
            ``wrapper`` adds to the distributed wrapper.
        folder (Path): For their outputs.

    Returns:
        dict: What the first process found out, with medians and ratios.

    Raises:
        SystemExit: With the end of their output, if one fails.
    """
    report, port = folder / 'report.json', free_port()
    logs = [folder / f'{rank}.txt' for rank in (0, 1)]
    children = []
    for rank, log in enumerate(logs):
        env = dict(os.environ, RANK=str(rank), LOCAL_RANK=str(rank),
                   WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=port,
                   OMP_NUM_THREADS=str(job['threads']),
                   CUDA_VISIBLE_DEVICES='')
        with log.open('w') as file:
            children.append(subprocess.Popen(
                [sys.executable, str(PAIR), json.dumps(job), str(report)],
                env=env, stdout=file, stderr=subprocess.STDOUT))
    codes = [child.wait() for child in children]
    for code, log in zip(codes, logs):
        if code:
            tail = '\n'.join(log.read_text().splitlines()[-20:])
            raise SystemExit(f'error: a process ended with {code}:\n{tail}')
    return summarise(json.loads(report.read_text()))


def summarise(found: Dict[str, Any]) -> Dict[str, Any]:
    """Medians, and what they say about joining and about sharing a machine.

    Args:
        found (dict): With ``seconds`` and ``core_seconds`` of each kind of
            step.

    Returns:
        dict: It, with ``steps``: kind -> ``median``, ``fastest`` and ``core``
        seconds, and ``ratios``: pair of kinds -> of each of these; medians
        are those of the ratios within a round.
    """
    wall, cores = found['seconds'], found['core_seconds']
    steps = {
        name: dict(median=statistics.median(values), fastest=min(values),
                   core=statistics.median(cores[name]))
        for name, values in wall.items()}
    pairs = ((TWO, ONE), (APART, ONE), (TWO, APART))
    return dict(found, steps=steps, ratios={
        f'{a} / {b}': dict(
            median=ratio(wall[a], wall[b]),
            fastest=steps[a]['fastest'] / steps[b]['fastest'],
            core=ratio(cores[a], cores[b]))
        for a, b in pairs})
