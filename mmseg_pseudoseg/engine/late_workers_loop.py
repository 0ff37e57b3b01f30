"""A training loop whose workers start when there is something to do."""

from functools import cached_property
from typing import Any
from unittest.mock import patch

import torch
from mmengine.runner import IterBasedTrainLoop, loops
from mmseg.registry import LOOPS
from torch.utils.data import DataLoader


class LateIterator(loops._InfiniteDataloaderIterator):
    """The stock iterator; its workers start with the first batch asked for.

    Random numbers are the stock one's: starting draws the workers' seed, and
    that is drawn from the state in which this is made.

    Args:
        dataloader (DataLoader): Iterated without end.
    """

    def __init__(self, dataloader: DataLoader) -> None:
        self._dataloader = dataloader
        self._epoch = 0
        self._state = torch.get_rng_state()
        torch.empty((), dtype=torch.int64).random_()

    @cached_property
    def _iterator(self) -> Any:
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._state)
            return iter(self._dataloader)


@LOOPS.register_module()
class LateWorkersTrainLoop(IterBasedTrainLoop):
    """The stock loop, whose workers start with the first batch.

    The stock one starts them when it is built: before the checkpoint is read,
    so that a resumed run decodes the first batches for nothing (256 images
    with 8 workers), and before the weights are initialized, so that the
    workers' copies of them are written anew.

    Args:
        *args: Of ``IterBasedTrainLoop``.
        **kwargs: Likewise.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with patch.object(loops, '_InfiniteDataloaderIterator', LateIterator):
            super().__init__(*args, **kwargs)
