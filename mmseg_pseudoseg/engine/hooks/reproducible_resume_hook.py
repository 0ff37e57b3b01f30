"""Resume at iteration k as if the run had never stopped."""

from typing import Iterator

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...datasets import MultiSourceBatchSampler


class _Skipped:
    """An iterator whose first items were skipped without being made."""

    def __init__(self, iterator: Iterator[object], skipped: int) -> None:
        self.iterator = iterator
        self.skipped = skipped

    def __iter__(self) -> '_Skipped':
        return self

    def __next__(self) -> object:
        if self.skipped > 0:
            self.skipped -= 1
            return None
        return next(self.iterator)

    def skip_iter(self, count: int) -> None:
        """Skip, as the loop of onedl-mmengine asks its iterator to."""
        for _ in range(count):
            next(self)


@HOOKS.register_module()
class ReproducibleResumeHook(Hook):
    """Continue the order of the data and the random numbers.

    On resume, MMEngine's loop draws k batches and throws them away, decoding
    and all, and starts the random numbers of the network (dropout) anew. This
    hook sets a :class:`MultiSourceBatchSampler` to batch k instead, and makes
    the random numbers of an iteration a function of seed, rank and iteration.
    With another sampler the loop's own way stays.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Set the sampler to the iteration that comes next."""
        loop = runner.train_loop
        sampler = loop.dataloader.batch_sampler
        if runner.iter and isinstance(sampler, MultiSourceBatchSampler):
            if not runner.cfg.get('randomness', {}).get('diff_rank_seed'):
                sampler.seed = runner.seed  # the checkpoint's
            sampler.skip_to(runner.iter)
            # The loop will still ask for the k batches that it wants to skip.
            loop.dataloader_iterator = _Skipped(
                iter(loop.dataloader), runner.iter)  # never ends

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: object = None) -> None:
        """Seed torch for this iteration."""
        torch.manual_seed(
            hash((runner.seed, get_rank(), runner.iter)) % 2**63)
