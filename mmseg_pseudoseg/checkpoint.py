"""What ``torch.load(weights_only=True)`` may find in MMEngine's checkpoints.

MMEngine saves its message hub with the weights. From torch 2.6 on, ``load``
refuses the classes in it; allow-listing exactly these keeps the protection.
"""

import pickle
import re
from typing import Callable, Union

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import load_from_local as mmengine_loader

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
    CheckpointLoader.register_scheme('', load_from_local, force=True)


def load_from_local(filename: str,
                    map_location: Union[str, Callable, None] = None) -> dict:
    """Load a checkpoint file; says clearly what it refuses.

    The stock loader of the same name lets torch's error through, which names
    neither the file nor a safe remedy.

    Args:
        filename (str): Path of the file.
        map_location (str | Callable, optional): As in ``torch.load``.

    Returns:
        dict: The checkpoint.

    Raises:
        RuntimeError: If the file holds more than weights and MMEngine's
            records, or is damaged.
    """
    try:
        return mmengine_loader(filename, map_location=map_location)
    except (pickle.UnpicklingError, ValueError, EOFError) as error:
        found = re.search(r'GLOBAL (\S+) (?:was not|whose module)',
                          str(error))
        what = f'it holds {found[1]}' if found else str(error).split('\n')[0]
        raise RuntimeError(
            f'{filename} was not loaded: {what}. A checkpoint may hold '
            'weights and MMEngine\'s records alone, since loading anything '
            'else can run code. Save it anew with dict(state_dict=...), or '
            'take the file from its source again') from error
