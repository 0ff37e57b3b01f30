"""Stop a run whose loss is no longer a number."""

from typing import Dict, List, Optional

import torch
from mmengine.dist import all_gather_object, all_reduce
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor


def image_paths(data_batch: Optional[dict]) -> List[str]:
    """Paths of the images of a batch, each once.

    Args:
        data_batch (dict, optional): As collated: ``data_samples`` is a list,
            or a list a view.

    Returns:
        list[str]: In their order; empty for another batch.
    """
    samples = (data_batch or {}).get('data_samples', [])
    views = samples.values() if isinstance(samples, dict) else [samples]
    paths = [sample.get('img_path') for view in views for sample in view]
    return list(dict.fromkeys(filter(None, paths)))


@HOOKS.register_module()
class CheckLossHook(Hook):
    """Raise at the first NaN or infinite loss, before it is saved.

    MMEngine has no such hook. A check that reads the loss waits for the
    device; this one notes on the device which loss failed first and reads the
    note every ``interval`` iterations, when all processes learn of it and
    stop with the same message, which names the images. Where a checkpoint is
    due it reads the note and checks the weights too, before
    ``CheckpointHook`` saves them or removes an older file.

    Args:
        interval (int): Iterations between two readings.
    """

    priority = 'HIGH'  # before CheckpointHook

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self.first_bad: Dict[str, Tensor] = {}
        self.images: Dict[int, List[str]] = {}  # by iteration, since a reading

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        """Note bad losses; read the notes where it is time."""
        self.images[runner.iter + 1] = image_paths(data_batch)
        for name, value in (outputs or {}).items():
            if 'loss' not in name or not isinstance(value, Tensor):
                continue
            note = self.first_bad.get(name)
            if note is None:
                note = torch.full_like(value, -1, dtype=torch.long)
            bad = ~torch.isfinite(value.detach()) & (note < 0)
            self.first_bad[name] = torch.where(bad, runner.iter + 1, note)
        due = any(
            isinstance(hook, CheckpointHook) and not hook.by_epoch and
            self.every_n_train_iters(runner, hook.interval, hook.save_begin)
            for hook in runner.hooks) or self.is_last_train_iter(runner)
        if due or self.every_n_train_iters(runner, self.interval):
            self._check(runner)
        if due:
            self._check_weights(runner)

    def _check(self, runner: Runner) -> None:
        """Raise if a loss of any process was bad since the last check.

        Raises:
            FloatingPointError: Naming losses, iteration and images.
        """
        found = {k: int(v) for k, v in self.first_bad.items() if int(v) >= 0}
        images, self.images, self.first_bad = self.images, {}, {}
        failed = torch.tensor(len(found))
        all_reduce(failed, 'max')
        if not failed:
            return
        reports = all_gather_object((found, images))
        first = min(v for report, _ in reports for v in report.values())
        names, batches = [], []
        for rank, (report, batch) in enumerate(reports):
            bad = [k for k, v in report.items() if v == first]
            names += [k for k in bad if k != 'loss']
            if bad:
                where = f' on rank {rank}' if len(reports) > 1 else ''
                batches.append(f'Its images{where}: '
                               f'{", ".join(batch[first]) or "unknown"}. ')
        raise FloatingPointError(
            f'{", ".join(dict.fromkeys(names)) or "loss"} became NaN or '
            f'infinite at iteration {first}. {"".join(batches)}The last '
            f'checkpoint in {runner.work_dir} is from before. Lower '
            'optim_wrapper.optimizer.lr, check these images and their masks, '
            'or clip gradients (optim_wrapper.clip_grad)')

    def _check_weights(self, runner: Runner) -> None:
        """Raise if a gradient has made a weight NaN or infinite.

        Raises:
            FloatingPointError: Naming the first such weight.
        """
        named = list(runner.model.named_parameters())
        finite = torch.stack([p.isfinite().all() for _, p in named]).tolist()
        if not all(finite):
            name = named[finite.index(False)][0]
            raise FloatingPointError(
                f'{name} is NaN or infinite after iteration {runner.iter + 1},'
                ' though the losses were not. It is not saved; the last '
                f'checkpoint in {runner.work_dir} is from before. Lower '
                'optim_wrapper.optimizer.lr or clip gradients '
                '(optim_wrapper.clip_grad)')
