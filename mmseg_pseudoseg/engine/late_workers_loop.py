"""A training loop whose workers start when there is something to do."""

from typing import Any, Iterator

import torch
from mmengine.runner import IterBasedTrainLoop
from mmseg.registry import LOOPS
from torch.utils.data import DataLoader


class LateDataLoader(DataLoader):
    """The stock loader; its workers start with the first batch asked for.

    Random numbers are the stock one's: starting draws the workers' seed, and
    that is drawn from the state in which the iterator is made.
    """

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Make an iterator that starts nothing yet."""
        state = torch.get_rng_state()
        torch.empty((), dtype=torch.int64).random_()
        return self._start_later(state)

    def _start_later(self, state: torch.Tensor) -> Iterator[Any]:
        """Yield the batches; the body runs when the first is asked for."""
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(state)
            batches = super().__iter__()
        yield from batches


@LOOPS.register_module()
class LateWorkersTrainLoop(IterBasedTrainLoop):
    """The stock loop, whose workers start with the first batch.

    MMEngine's starts them when it is built: before the checkpoint is read,
    so that a resumed run decodes the first batches for nothing (256 images
    with 8 workers), and before the weights are initialized, so that the
    workers' copies of them are written anew. onedl-mmengine's starts them
    late of itself.
    """

    @property
    def dataloader(self) -> DataLoader:
        """The loader that the stock loop has built, or was given."""
        return self._late

    @dataloader.setter
    def dataloader(self, loader: DataLoader) -> None:
        # The stock constructor sets it, and makes its iterator of it.
        if type(loader) is DataLoader:
            loader.__class__ = LateDataLoader
        self._late = loader
