"""What ``torch.load(weights_only=True)`` may find in MMEngine's checkpoints.

MMEngine saves its message hub with the weights. From torch 2.6 on, ``load``
refuses the classes in it; allow-listing exactly these keeps the protection.
"""

from typing import Callable

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

_STATISTICS = ('mean', 'max', 'min', 'current')


def history_attribute(owner: type, name: str) -> Callable:
    """Stand in for ``getattr`` inside the pickle of a ``HistoryBuffer``.

    The pickles name ``getattr`` to find the buffer's own statistics. The real
    one would let a file reach anything, this one resolves those alone.

    Args:
        owner (type): Must be ``HistoryBuffer``.
        name (str): One of its statistics.

    Returns:
        Callable: The method.

    Raises:
        ValueError: For anything else.
    """
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise ValueError(f'the checkpoint asks for {name!r} of {owner!r}, '
                         'which no MMEngine checkpoint holds: not loaded')
    return getattr(HistoryBuffer, name)


def allow_mmengine_checkpoints() -> None:
    """Allow-list the harmless globals; does nothing before torch 2.6."""
    if not hasattr(torch.serialization, 'add_safe_globals'):
        return
    core = np._core if hasattr(np, '_core') else np.core
    reconstruct = core.multiarray._reconstruct
    scalar = core.multiarray.scalar
    names = [(f, f'{module}.{f.__name__}') for f in (reconstruct, scalar)
             for module in ('numpy.core.multiarray', 'numpy._core.multiarray')]
    dtypes = [
        getattr(np.dtypes, name) for name in dir(np.dtypes)
        if name.endswith('DType')
    ] if hasattr(np, 'dtypes') else []
    torch.serialization.add_safe_globals([
        HistoryBuffer, np.ndarray, np.dtype, *dtypes, *names,
        (history_attribute, 'builtins.getattr')
    ])
