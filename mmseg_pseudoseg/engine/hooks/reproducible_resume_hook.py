"""Resume at iteration k as if the run had never stopped."""

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import HOOKS
from torch.utils.data import IterableDataset

from ..resumed_batches import ResumedBatches, resumed_loader


@HOOKS.register_module()
class ReproducibleResumeHook(Hook):
    """Continue the order of the data and the random numbers.

    On resume, MMEngine's loop draws k batches and throws them away, decoding
    and all, and starts the random numbers of the network (dropout) anew. This
    hook has the loader begin with batch k, whatever its samplers are, and
    makes the random numbers of an iteration a function of seed, rank and
    iteration. Where the samples' augmentation is a function of the sampler's
    indices (:class:`MultiSourceBatchSampler`), the run is the same bit for
    bit; elsewhere the images are, in their order.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Let the loader begin with the iteration that comes next."""
        loop = runner.train_loop
        if not runner.iter or not isinstance(loop, IterBasedTrainLoop) or \
                isinstance(loop.dataloader.dataset, IterableDataset):
            return
        if getattr(loop, 'fast_forward_on_resume', False):
            return  # OneDL's switch for the order of a fresh run
        randomness = runner.cfg.get('randomness') or {}
        same = not randomness.get('diff_rank_seed')
        loop.dataloader = resumed_loader(  # with the seed of the checkpoint
            loop.dataloader, runner.iter, runner.seed if same else None)
        loop.dataloader_iterator = ResumedBatches(loop.dataloader, runner.iter)

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: object = None) -> None:
        """Seed torch for this iteration."""
        torch.manual_seed(
            hash((runner.seed, get_rank(), runner.iter)) % 2**63)
