"""Clocks of the benchmarks: whole steps in turn, and parts inside parts."""

import statistics
from contextlib import ExitStack, contextmanager
from functools import wraps
from time import perf_counter
from typing import (
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Sequence,
    Tuple,
)
from unittest.mock import patch

import torch


class Part(NamedTuple):
    """A method whose time counts under a name.

    Attributes:
        owner (object): The instance that has the method.
        method (str): Its name.
        name (str): The row of the table; several parts may share one.
    """

    owner: object
    method: str
    name: str


class Spans:
    """Seconds of named parts that may lie inside each other.

    A part's time is its own: what an inner part takes is taken off the outer
    one, so that all parts add up to the whole.

    Args:
        device (str): On ``'cuda'`` every switch waits for the GPU, so that
            work counts for the part that queued it.

    Attributes:
        seconds (dict[str, float]): Of each part, in the order of appearance.
        open (list[str]): Names of the parts entered and not left.
    """

    def __init__(self, device: str = 'cpu') -> None:
        self.device = device
        self.seconds: Dict[str, float] = {}
        self.open: List[str] = []
        self._since = 0.

    def _switch(self) -> None:
        """Charge the time since the last switch to the innermost part."""
        if self.device == 'cuda':
            torch.cuda.synchronize()
        now = perf_counter()
        if self.open:
            self.seconds[self.open[-1]] += now - self._since
        self._since = now

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count the block for ``name``."""
        self._switch()
        self.open.append(name)
        self.seconds.setdefault(name, 0.)
        try:
            yield
        finally:
            self._switch()
            self.open.pop()

    def _timed(self, part: Part) -> Callable:
        """The part's method, counted."""
        method = getattr(part.owner, part.method)

        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self(part.name):
                return method(*args, **kwargs)

        return call

    @contextmanager
    def watch(self, parts: Sequence[Part]) -> Iterator[None]:
        """Count the calls of these methods inside the block.

        Args:
            parts (Sequence[Part]): Their instances get a wrapped method, and
                lose it again.

        Raises:
            AttributeError: If an instance has no such method.
        """
        with ExitStack() as stack:
            for part in parts:
                stack.enter_context(patch.object(
                    part.owner, part.method, self._timed(part)))
            yield


def breakdown(runs: Mapping[str, Callable[[Spans], object]], rounds: int,
              device: str = 'cpu',
              average: Callable[[List[float]], float] = statistics.median
              ) -> Dict[str, Dict[str, float]]:
    """Seconds of each part of several pieces of work, done in turn.

    Args:
        runs (dict[str, Callable]): Each does its work once, with the spans it
            is given.
        rounds (int): How often.
        device (str): ``'cpu'`` or ``'cuda'``.
        average (Callable): Over the rounds; the mean, where rounds differ in
            what they do.

    Returns:
        dict[str, dict[str, float]]: Work -> part -> seconds, which are 0 in a
        round without the part.
    """
    found: Dict[str, Dict[str, List[float]]] = {name: {} for name in runs}
    for k in range(rounds):
        for name, run in runs.items():
            spans = Spans(device)
            run(spans)
            for part, seconds in spans.seconds.items():
                found[name].setdefault(part, [0.] * rounds)[k] = seconds
    return {name: {part: average(v) for part, v in parts.items()}
            for name, parts in found.items()}


def ratio(over: List[float], under: List[float]) -> float:
    """Median of the ratios within each round, which share its conditions."""
    return statistics.median(a / b for a, b in zip(over, under))


def mark(device: str) -> Any:
    """A point in time; on CUDA one of the GPU's, which nothing waits for."""
    if device != 'cuda':
        return perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def interleave(steps: Mapping[str, Callable[[int], object]], rounds: int,
               warmup: int = 0, device: str = 'cpu') -> Dict[str, List[float]]:
    """Time several steps in turn, so that a slow minute hits all of them.

    Args:
        steps (dict[str, Callable]): Each takes the number of the round; every
            other round runs them in the opposite order.
        rounds (int): How often each counts.
        warmup (int): Rounds before that.
        device (str): ``'cpu'`` or ``'cuda'``.

    Returns:
        dict[str, list[float]]: Seconds of each step in each round.
    """
    marks: Dict[str, List[Tuple[Any, Any]]] = {name: [] for name in steps}
    for k in range(-warmup, rounds):
        for name in sorted(steps, key=list(steps).index, reverse=k % 2 == 1):
            start = mark(device)
            steps[name](k)
            marks[name].append((start, mark(device)))
    if device == 'cuda':
        torch.cuda.synchronize()
        return {name: [a.elapsed_time(b) / 1000 for a, b in pairs[warmup:]]
                for name, pairs in marks.items()}
    return {name: [b - a for a, b in pairs[warmup:]]
            for name, pairs in marks.items()}
