"""The batches of a loader from iteration k on, the earlier ones never made."""

import inspect
from functools import cached_property
from typing import Any, Dict, Iterator, Optional

from mmengine.dataset import InfiniteSampler
from torch.utils.data import DataLoader, Sampler


class LaterBatches(Sampler):
    """What a batch sampler gives behind its first batches.

    Indices are drawn and thrown away, epoch after epoch as MMEngine's
    iterator draws them, when the first batch is asked for. The stock samplers
    have no way to start later.

    Args:
        batches (Sampler): Gives a list of indices at a time, or an index; its
            ``sampler``, if it has one, is told each new epoch.
        skipped (int): Batches left out.
    """

    def __init__(self, batches: Any, skipped: int) -> None:
        self.batches = batches
        self.sampler = getattr(batches, 'sampler', batches)
        self.skipped = skipped
        self.epoch: Optional[int] = None

    def __iter__(self) -> Iterator[Any]:
        """Begin the next epoch; the first time, behind what is skipped.

        Nothing happens before the first batch is asked for: a loader with
        workers calls this twice and takes the second iterator.
        """
        stream = self._begin_epoch()
        while self.skipped:
            try:
                next(stream)
                self.skipped -= 1
            except StopIteration:
                stream = self._begin_epoch()
        yield from stream

    def _begin_epoch(self) -> Iterator[Any]:
        self.epoch = 0 if self.epoch is None else self.epoch + 1
        if self.epoch:
            self.set_epoch(self.epoch)
        return iter(self.batches)

    def set_epoch(self, epoch: int) -> None:
        """Pass it on; samplers without epochs do not mind.

        Args:
            epoch (int): 0 is the first.
        """
        if hasattr(self.sampler, 'set_epoch'):
            self.sampler.set_epoch(epoch)

    def __len__(self) -> int:
        """Batches of an epoch."""
        return len(self.batches)


class ResumedBatches:
    """Takes the place of a loop's iterator over its loader.

    Args:
        dataloader (DataLoader): Begins with the batch that comes next. Its
            workers start when that is asked for.
        skipped (int): MMEngine's loop draws so many batches to throw them
            away (OneDL's calls :meth:`skip_iter` instead); they are ``None``.
    """

    def __init__(self, dataloader: DataLoader, skipped: int) -> None:
        self.dataloader = dataloader
        self.skipped = skipped

    def __iter__(self) -> 'ResumedBatches':
        return self

    def __next__(self) -> Any:
        """The next batch; a new epoch begins where one ends."""
        if self.skipped:
            self.skipped -= 1
            return None
        try:
            return next(self.iterator)
        except StopIteration:
            self.iterator = iter(self.dataloader)
            return next(self.iterator)

    def skip_iter(self, num_iters: int) -> None:
        """Leave out batches that have been left out already.

        Args:
            num_iters (int): As many as the loader was resumed behind.
        """
        self.skipped -= num_iters

    @cached_property
    def iterator(self) -> Iterator[Any]:
        """The loader's own."""
        return iter(self.dataloader)


def resumed_loader(loader: DataLoader, iteration: int,
                   seed: Optional[int]) -> DataLoader:
    """A loader whose first batch is that of an iteration.

    Args:
        loader (DataLoader): Of a data set that is read by indices.
        iteration (int): 0 is the first batch.
        seed (int, optional): For the samplers, if theirs is another one.

    Returns:
        DataLoader: ``loader`` itself, where its batch sampler has a method
        ``skip_to``; else one with the same options around
        :class:`LaterBatches`.
    """
    key = 'sampler' if loader.batch_sampler is None else 'batch_sampler'
    batches = getattr(loader, key)
    sampler = getattr(batches, 'sampler', batches)
    if seed is not None:
        for one in (batches, sampler):
            if hasattr(one, 'seed'):
                one.seed = seed
    if hasattr(batches, 'skip_to'):
        batches.skip_to(iteration)
        return loader
    if type(sampler) is InfiniteSampler:
        # It goes on where any earlier iterator has left it, and a stock loop
        # with workers has drawn the first batches by now.
        fresh = InfiniteSampler(sampler.dataset, sampler.shuffle, sampler.seed)
        fresh.rank, fresh.world_size = sampler.rank, sampler.world_size
        if sampler is batches:
            batches = fresh
        else:
            batches.sampler = fresh
    names = inspect.signature(DataLoader).parameters.keys() - {
        'batch_size', 'shuffle', 'sampler', 'batch_sampler', 'drop_last'}
    options: Dict[str, Any] = {
        k: getattr(loader, k) for k in names if hasattr(loader, k)}
    options[key] = LaterBatches(batches, iteration)
    if key == 'sampler':
        options['batch_size'] = None
    return DataLoader(**options)
