"""Validation against training: what share of a run's time does it take?"""

import statistics
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, Callable, Dict, Iterator, List, Sequence
from unittest.mock import patch

import torch
from _bench_data import write_part
from _benchmark import counts
from _clock import interleave
from _networks import heads
from _synthetic_batch import synthetic_batch
from _training_step import Trainee, build
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.evaluator import metric
from mmengine.hooks import Hook
from mmengine.runner import Runner

# As their authors count them; keys are types of val_dataloader.dataset.
IMAGES = dict(PascalVOCDataset=1449, COCO81Dataset=5000, CityscapesDataset=500)
COLLECTIVES = ('collect_results', 'broadcast_object_list')


class Marks(Hook):
    """Points in time of a validation.

    Attributes:
        times (list[float]): Seconds; of the start, of each batch behind its
            metrics, and of the end behind the figures.
    """

    def __init__(self) -> None:
        self.times: List[float] = []

    def _mark(self, *args: Any, **kwargs: Any) -> None:
        self.times.append(perf_counter())

    before_val_epoch = after_val_iter = after_val_epoch = _mark


@contextmanager
def counted(calls: Counter) -> Iterator[None]:
    """Count the metrics' exchanges between processes."""
    def counting(name: str) -> Callable:
        stock = getattr(metric, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            calls[name] += 1
            return stock(*args, **kwargs)

        return call

    with ExitStack() as stack:
        for name in COLLECTIVES:
            stack.enter_context(patch.object(metric, name, counting(name)))
        yield


def num_images(cfg: Config, path: str, given: int = 0) -> int:
    """Size of the validation set.

    Args:
        cfg (Config): The config.
        path (str): Its path, for the message.
        given (int): Number that the user gave; 0 for none.

    Raises:
        SystemExit: If nobody knows it.
    """
    kind = cfg.val_dataloader.dataset.type
    if not given and kind not in IMAGES:
        raise SystemExit(f'error: {path}: how many validation images does a '
                         f'{kind} have? Give --val-images N')
    return given or IMAGES[kind]


def num_gpus(cfg: Config, given: int = 0) -> int:
    """Processes that the config is meant for: of its base batch."""
    base = cfg.get('auto_scale_lr', {}).get('base_batch_size', 0)
    return given or max(1, base // cfg.train_dataloader.batch_size)


def num_validations(train_cfg: Dict[str, Any]) -> int:
    """How often ``IterBasedTrainLoop`` validates: also at the end."""
    first = train_cfg.get('val_begin', 1)
    last, every = train_cfg['max_iters'], train_cfg.get('val_interval', 1000)
    return sum(k % every == 0 or k == last for k in range(first, last + 1))


def share(step: float, image: float, end: float, train_cfg: Dict[str, Any],
          images: int, gpus: int) -> Dict[str, float]:
    """A run's time.

    Args:
        step (float): Seconds of a training step of a GPU's batch.
        image (float): Seconds of a validation image on a GPU.
        end (float): Seconds of the end of a validation.
        train_cfg (dict): Of the config.
        images (int): Of the validation set.
        gpus (int): That share the batch and the images.

    Returns:
        dict[str, float]: ``validations``, seconds of ``training`` and of
        ``validation``, and the ``share`` of the latter.
    """
    times = num_validations(train_cfg)
    training = train_cfg['max_iters'] * step
    validation = times * (-(-images // gpus) * image + end)
    return dict(validations=times, training=training, validation=validation,
                share=validation / (training + validation))


def make_trainee(cfg: Config, batch: Sequence[int]) -> Trainee:
    """The config's network and a synthetic batch for it."""
    cfg.model.unsup_start = 0
    shape = cfg.model.data_preprocessor.size
    hooks = [hook['type'] for hook in cfg.get('custom_hooks', [])]
    torch.backends.cudnn.benchmark = cfg.env_cfg.get('cudnn_benchmark', False)
    torch.manual_seed(0)
    return build(cfg.model, cfg.optim_wrapper.copy(),
                 synthetic_batch(cfg, batch, shape), get_device(),
                 'ChannelsLastHook' in hooks)


def validate(cfg: Config, model: Any, folder: Path, batch_size: int,
             warmup: int) -> Dict[str, Any]:
    """The stock validation of the data below ``folder``.

    Args:
        cfg (Config): Its ``val_dataloader`` finds the data.
        model (SegmentorBase): Of it.
        folder (Path): For the work dir.
        batch_size (int): Images at once.
        warmup (int): Batches that do not count.

    Returns:
        dict: Seconds of an ``image``, loading and metrics included, and of
        the ``end``; the ``metrics``; the ``collectives`` by name.
    """
    loader = dict(cfg.val_dataloader, batch_size=batch_size)
    marks, calls = Marks(), Counter()  # type: Marks, Counter
    runner = Runner(
        model=model, work_dir=str(folder), val_dataloader=loader,
        val_cfg=cfg.val_cfg, val_evaluator=cfg.val_evaluator,
        env_cfg=cfg.env_cfg,
        default_scope='mmseg', log_level='ERROR', custom_hooks=[marks],
        default_hooks=dict(logger=None, checkpoint=None),
        experiment_name=f'{folder.name}_{batch_size}')
    with counted(calls):
        metrics = runner.val()
    times = marks.times[warmup:]
    batches = [b - a for a, b in zip(times, times[1:])]
    return dict(image=statistics.median(batches[:-1]) / batch_size,
                end=batches[-1], collectives=dict(calls),
                metrics={k: float(v) for k, v in metrics.items()})


def measure(cfg: Config, path: str, folder: Path, args: Any
            ) -> Dict[str, Any]:
    """A training step, a validation image, and the share of the latter.

    Args:
        cfg (Config): The config.
        path (str): Its path.
        folder (Path): For data and work dirs.
        args (Namespace): Of ``benchmark_run.py validation``.

    Returns:
        dict: The row of the config.
    """
    full, images = counts(cfg, path), num_images(cfg, path, args.val_images)
    batch, gpus = args.batch or full, num_gpus(cfg, args.gpus)
    trainee = make_trainee(cfg, batch)
    seconds = interleave(dict(step=trainee.step), args.iters, args.warmup,
                         get_device())['step']
    measured = statistics.median(seconds)
    step = measured * sum(full) / sum(batch)
    sizes = sorted({cfg.val_dataloader.batch_size, *args.val_batch})
    dataset = cfg.val_dataloader.dataset
    write_part(folder / 'data', 'val', dataset,
               (args.warmup + args.iters) * max(sizes),
               heads(cfg.model)[-1].num_classes)
    dataset.data_root = str(folder / 'data')
    # The first batch is behind the start of the workers.
    found = {size: validate(cfg, trainee.model, folder / 'work', size,
                            args.warmup) for size in sizes}
    once = found[cfg.val_dataloader.batch_size]
    return dict(
        config=path, val_images=images, gpus=gpus, batch=list(batch),
        full_batch=list(full), measured_step=measured, step=step,
        image=once['image'], end=once['end'],
        iterations=cfg.train_cfg.max_iters,
        **share(step, once['image'], once['end'], cfg.train_cfg, images, gpus),
        metrics=once['metrics'], batched=found)
