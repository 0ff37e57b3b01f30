"""Which forward passes may touch the running statistics."""

from contextlib import contextmanager
from typing import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Normalise with batch statistics, but leave the running ones alone.

    Train-mode batch norm updates its running statistics under ``no_grad`` too,
    so a pass that only makes a target would enter the statistics used at test
    time. Inside this context it does not.

    Args:
        module (nn.Module): Every batch norm below it is affected.
    """
    norms = [
        m for m in module.modules()
        if isinstance(m, _BatchNorm) and m.track_running_stats
    ]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
