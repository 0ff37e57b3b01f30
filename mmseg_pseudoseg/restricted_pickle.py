"""Unpickling of checkpoints where torch refuses nothing (before 2.6).

It stands in for ``pickle``: ``torch.load(path, pickle_module=this module)``.
torch's own ``weights_only`` of those versions cannot be told of MMEngine's
classes.
"""

import _codecs
import pickle
from typing import Any, BinaryIO, Callable, Dict, Sequence

import numpy as np
from mmengine.logging import HistoryBuffer
from torch._weights_only_unpickler import _get_allowed_globals

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


def numpy_functions() -> Dict[str, Callable]:
    """What numpy's pickles call, by the names of both its versions."""
    pickled: Sequence[Any] = (np.zeros(1), np.float64(0))
    functions = [one.__reduce__()[0] for one in pickled]
    return {
        f'{module}.{function.__name__}': function for function in functions
        for module in ('numpy.core.multiarray', 'numpy._core.multiarray')
    }


def allowed_globals() -> Dict[str, Any]:
    """What a checkpoint may name -> what it gets."""
    buffer = f'{HistoryBuffer.__module__}.{HistoryBuffer.__name__}'
    return {
        **_get_allowed_globals(),
        **numpy_functions(),
        'numpy.ndarray': np.ndarray,
        'numpy.dtype': np.dtype,
        '_codecs.encode': _codecs.encode,  # of numpy's scalars
        buffer: HistoryBuffer,
        'builtins.getattr': history_attribute,
        '__builtin__.getattr': history_attribute,
    }


class Unpickler(pickle.Unpickler):
    """Finds what :func:`allowed_globals` has, and nothing else.

    The stock one imports and calls whatever a file names.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Look up a global.

        Args:
            module (str): Its module.
            name (str): Its name there.

        Returns:
            Any: The object.

        Raises:
            UnpicklingError: Naming what is not allowed, in torch's words.
        """
        allowed = allowed_globals()
        if f'{module}.{name}' not in allowed:
            raise pickle.UnpicklingError(
                f'Unsupported global: GLOBAL {module}.{name} was not an '
                'allowed global')
        return allowed[f'{module}.{name}']


def load(file: BinaryIO, **options: Any) -> Any:
    """``pickle.load`` by :class:`Unpickler`; torch reads old formats so."""
    return Unpickler(file, **options).load()
