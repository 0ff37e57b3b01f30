"""Batches with a fixed number of samples of each source, forever."""

from itertools import islice
from typing import Dict, Iterator, List

import numpy as np
import torch
from mmengine.dataset import InfiniteSampler
from mmseg.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

from .semi_dataset import SeededIndex


@DATA_SAMPLERS.register_module()
class MultiSourceBatchSampler(Sampler):
    """Draw each batch from the parts of a :class:`SemiDataset`.

    The stock samplers know one source. Each source here is shuffled by a seed
    of its own, pass after pass, and dealt to the ranks in turn, as
    ``InfiniteSampler`` does. A sample's place in its source's stream also
    seeds its augmentation, so batch k is the same whether it is reached from
    the start or resumed at, and with any number of workers.

    Args:
        sampler (InfiniteSampler): Gives dataset, seed, shuffle, rank and
            number of ranks.
        batch_size (int): Samples a batch, of all sources.
        source_ratio (dict[str, int]): Samples of each part among
            ``sum(source_ratio.values())``; ``dict(labeled=1, unlabeled=1)``
            makes halves.

    Raises:
        ValueError: If the ratio does not divide the batch, or names other
            parts than the dataset has.
    """

    def __init__(self, sampler: InfiniteSampler, batch_size: int,
                 source_ratio: Dict[str, int]) -> None:
        self.sampler = sampler  # where DistSamplerSeedHook looks for it
        self.dataset = sampler.dataset
        self.seed = sampler.seed
        self.shuffle = sampler.shuffle
        self.rank, self.world_size = sampler.rank, sampler.world_size
        self.batch_size = batch_size
        self.sizes = self.dataset.source_sizes
        if set(source_ratio) != set(self.sizes):
            raise ValueError(
                'train_dataloader.batch_sampler.source_ratio names '
                f'{sorted(source_ratio)}, the dataset has the parts '
                f'{sorted(self.sizes)}')
        shares = sum(source_ratio.values())
        if min(source_ratio.values()) < 1 or batch_size % shares:
            raise ValueError(
                f'train_dataloader.batch_size={batch_size} cannot be shared '
                f'in the ratio {dict(source_ratio)} of train_dataloader.'
                'batch_sampler.source_ratio: take positive shares and a '
                f'multiple of {shares}')
        self.num_per_source = {
            name: source_ratio[name] * batch_size // shares
            for name in self.sizes
        }
        self.start = 0

    def skip_to(self, iteration: int) -> None:
        """Let the next iterator begin with the batch of an iteration.

        Args:
            iteration (int): 0 is the first batch.
        """
        self.start = iteration

    def __iter__(self) -> Iterator[List[SeededIndex]]:
        """Yield the batches of this rank."""
        offset, streams = 0, []
        for source, (name, size) in enumerate(self.sizes.items()):
            streams.append((self._stream(source, offset, size),
                            self.num_per_source[name]))
            offset += size
        while True:
            yield [
                sample for stream, count in streams
                for sample in islice(stream, count)
            ]

    def _stream(self, source: int, offset: int,
                size: int) -> Iterator[SeededIndex]:
        """This rank's samples of one source, from iteration ``start`` on."""
        count = list(self.num_per_source.values())[source]
        place = self.start * count * self.world_size + self.rank
        current, order = -1, torch.empty(0)
        while True:
            turn, position = divmod(place, size)
            if turn != current:
                current, order = turn, self._order(source, turn, size)
            seed = np.random.SeedSequence((self.seed, source, place))
            yield SeededIndex(offset + int(order[position]),
                              int(seed.generate_state(1)[0]))
            place += self.world_size

    def _order(self, source: int, turn: int, size: int) -> torch.Tensor:
        """Order of the source's samples in its n-th pass."""
        if not self.shuffle:
            return torch.arange(size)
        seed = np.random.SeedSequence((self.seed, source, turn, size))
        generator = torch.Generator()
        generator.manual_seed(int(seed.generate_state(1)[0]))
        return torch.randperm(size, generator=generator)

    def __len__(self) -> int:
        """Batches in which the largest source is seen once."""
        return max(-(-size // (self.num_per_source[name] * self.world_size))
                   for name, size in self.sizes.items())
