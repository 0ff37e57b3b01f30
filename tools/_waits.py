"""Where a step would make the host wait for a GPU, found without one."""

import traceback
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# What needs a number, or the size of a result, on the host.
WAITING = {
    '_local_scalar_dense', 'bincount', 'equal', 'masked_select', 'nonzero',
    'repeat_interleave', 'unique_consecutive', 'unique_dim', '_unique2'
}
MASKED = {'index', 'index_put', 'index_put_', '_index_put_impl_'}
TORCH = str(Path(torch.__file__).parent)


class HostWaits(TorchDispatchMode):
    """Counts operations that wait for the device, by Python file and line.

    ``torch.cuda.set_sync_debug_mode`` warns of them on a GPU alone. Copies
    between host and device are not seen here.

    Attributes:
        places (Counter): File and line -> number.
    """

    def __init__(self) -> None:
        super().__init__()
        self.places: Counter = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (),
                           kwargs: Any = None) -> Any:
        """Count ``func`` if it waits, and run it."""
        name = func.overloadpacket.__name__
        by_mask = name in MASKED and any(
            index is not None and index.dtype in (torch.bool, torch.uint8)
            for index in args[1])
        if name in WAITING or by_mask:
            self._note(traceback.extract_stack())
        return func(*args, **(kwargs or {}))


    def _note(self, stack: traceback.StackSummary) -> None:
        """Count the innermost line outside torch."""
        # Optimizers keep the number of their steps on the host.
        if any(f.filename.startswith(f'{TORCH}/optim/') for f in stack):
            return
        place = next(f for f in reversed(stack) if f.filename != __file__ and
                     not f.filename.startswith(TORCH))
        file = '/'.join(Path(place.filename).parts[-2:])
        self.places[f'{file}:{place.lineno}'] += 1


def count_waits(step: Callable[[], object]) -> Dict[str, int]:
    """Operations of ``step`` on the CPU that would wait for a GPU.

    Args:
        step (Callable): One step.

    Returns:
        dict[str, int]: Python file and line -> number.
    """
    with HostWaits() as waits:
        step()
    return dict(waits.places)
