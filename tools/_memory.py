"""Memory that one step frees and the next one needs."""

import ctypes
import os
import sys

from mmengine.device import get_device

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
KEPT = 2**30  # bytes; larger blocks than any layer's output
OWN = ('MALLOC_TRIM_THRESHOLD_', 'MALLOC_MMAP_THRESHOLD_', 'GLIBC_TUNABLES')


def keep_freed_memory() -> bool:
    """Where the CPU trains, have glibc keep freed memory for the next step.

    By default it gives large blocks back to the system, which clears and maps
    every page of them anew. Two graphs that are freed one after the other, as
    in a PseudoSeg step, meet that more often than one: it is a third of a
    ResNet-50's step at 513 pixels (docs/performance.md). The process then
    stays as large as it was at its peak, and that is some 10 % higher.

    Returns:
        bool: Whether it does. Not with an accelerator, whose memory torch
        keeps itself, without glibc, or where the environment sets one of
        :data:`OWN`.
    """
    if get_device() != 'cpu' or not sys.platform.startswith('linux') or \
            any(name in os.environ for name in OWN):
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    return mallopt is not None and all([
        mallopt(option, KEPT)
        for option in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD)])
