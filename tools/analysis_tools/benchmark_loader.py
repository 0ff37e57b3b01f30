"""What does a sample cost the loader, and how many workers feed a GPU?"""

import argparse
import math
import os.path as osp
import statistics
import sys
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _cli  # noqa: E402,F401  isort: skip  (finds and registers the package)

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from _benchmark import (  # noqa: E402
    PARTS,
    add_arguments,
    counts,
    facts,
    load_config,
    print_table,
    write_json,
)
from _clock import Part, Spans, breakdown, interleave  # noqa: E402
from mmcv.transforms import BaseTransform, Compose  # noqa: E402
from mmengine.config import Config  # noqa: E402
from mmseg.registry import DATASETS, TRANSFORMS  # noqa: E402
from PIL import Image  # noqa: E402

from mmseg_pseudoseg.datasets import SeededIndex, SemiDataset  # noqa: E402

DECODERS = ((cv2, 'imdecode'), (cv2, 'imread'), (Image, 'open'))
REST = 'dataset (annotations, seeds)'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='One process stands for one worker. Each file is read once '
        'before it is timed, so that the disk does not count.')
    add_arguments(parser)
    parser.add_argument('--samples', type=int, default=64, metavar='N',
                        help='images of each part, drawn with seed 0 '
                        '(default: %(default)s)')
    parser.add_argument('--step-time', type=float, metavar='SECONDS',
                        help='of a training step, as benchmark_step.py prints '
                        'it: how many workers keep up with it?')
    args = parser.parse_args()
    if args.samples < 1 or (
            args.step_time is not None and args.step_time <= 0):
        parser.error('--samples and --step-time take positive numbers')
    return args


def build(cfg: Config, path: str) -> SemiDataset:
    """The config's training data.

    Raises:
        SystemExit: If a list is not there, or the data do not fit it.
    """
    for name in PARTS:
        part = cfg.train_dataloader.dataset[name]
        if 'datasets' in part:
            raise SystemExit(
                f'error: {path}: train_dataloader.dataset.{name} is a '
                'ConcatDataset; put one of its datasets in its place to '
                'measure it')
        ann_file = osp.join(part.get('data_root') or '', part.ann_file)
        if not osp.isfile(ann_file):
            raise SystemExit(
                f'error: {path}: {ann_file} is missing; point at the data '
                'with --cfg-options train_dataloader.dataset.'
                f'{name}.data_root=DIR')
    try:
        return DATASETS.build(cfg.train_dataloader.dataset)
    except (OSError, ValueError) as error:
        raise SystemExit(f'error: {path}: {error}') from error


def stock_steps(pipeline: List[dict]) -> List[dict]:
    """The single view that stock MMSegmentation would make of the same file.

    Args:
        pipeline (list[dict]): Of a part; its last step packs the views.

    Returns:
        list[dict]: Its steps without this package's, and ``PackSegInputs``.
    """
    ours = SemiDataset.__module__.split('.')[0]
    steps = [step for step in pipeline[:-1]
             if TRANSFORMS.get(step['type']).__module__.split('.')[0] != ours]
    return [*steps, dict(type='PackSegInputs')]


def find_transforms(node: Any, path: str = '') -> List[Part]:
    """Every transform below a pipeline, those inside transforms too.

    Args:
        node (Any): A pipeline, a transform, or what one holds.
        path (str): Where it stands.

    Returns:
        list[Part]: Named as in ``MultiBranch.strong.ColorJitter``.
    """
    if isinstance(node, dict):
        return [part for key, value in node.items()
                for part in find_transforms(value, f'{path}{key}.')]
    if isinstance(node, (list, tuple)):
        return [part for value in node
                for part in find_transforms(value, path)]
    if hasattr(node, 'transforms') and not isinstance(node, BaseTransform) \
            or isinstance(node, Compose):
        return find_transforms(node.transforms, path)
    if not isinstance(node, BaseTransform):
        return []
    name = f'{path}{type(node).__name__}'
    inner = [part for value in vars(node).values()
             for part in find_transforms(value, f'{name}.')]
    return [Part(node, 'transform', name), *inner]


@contextmanager
def counted_decodes(spans: Spans, calls: Dict[str, int]) -> Iterator[None]:
    """Count what OpenCV and Pillow decode, for images and for masks apart.

    Args:
        spans (Spans): Knows which transform is at work.
        calls (dict[str, int]): ``images`` and ``masks``, counted up.
    """
    def counting(decode: Any, *args: Any, **kwargs: Any) -> Any:
        step = spans.open[-1] if spans.open else ''
        calls['masks' if 'Annotations' in step else 'images'] += 1
        return decode(*args, **kwargs)

    with ExitStack() as stack:
        for module, name in DECODERS:
            stack.enter_context(patch.object(
                module, name, partial(counting, getattr(module, name))))
        yield


def measure_part(cfg: Config, dataset: SemiDataset, source: int,
                 num: int) -> Dict[str, Any]:
    """One part's samples, their stock twins, and the time of each transform.

    Args:
        cfg (Config): Of the dataset.
        dataset (SemiDataset): With both parts.
        source (int): 0 for the labelled part, 1 for the other.
        num (int): How many samples.

    Returns:
        dict: Seconds, counts and rates.
    """
    part = dataset.datasets[source]
    ours = part.pipeline
    stock = type(ours)(stock_steps(
        cfg.train_dataloader.dataset[PARTS[source]].pipeline))
    start = [0, *dataset.cumulative_sizes][source]
    picks = np.random.RandomState(0).randint(len(part), size=num)
    index = [SeededIndex(start + int(i), k) for k, i in enumerate(picks)]
    for i in set(picks.tolist()):
        info = part.get_data_info(i)
        for key in ('img_path', 'seg_map_path'):
            if osp.isfile(info.get(key) or ''):
                Path(info[key]).read_bytes()

    def sample(pipeline: Any, k: int) -> None:
        part.pipeline = pipeline
        dataset[index[k]]

    seconds = interleave(dict(ours=partial(sample, ours),
                              stock=partial(sample, stock)), num, 1)
    part.pipeline = ours
    calls = dict(images=0, masks=0)
    todo = iter(index)

    def run(spans: Spans) -> None:
        with counted_decodes(spans, calls), \
                spans.watch(find_transforms(ours)), spans(REST):
            dataset[next(todo)]

    steps = breakdown(dict(steps=run), num, average=statistics.mean)['steps']
    mean = {name: statistics.mean(v) for name, v in seconds.items()}
    return dict(
        mean_seconds=mean['ours'], stock_mean_seconds=mean['stock'],
        median_seconds=statistics.median(seconds['ours']),
        samples_per_second=1 / mean['ours'],
        ratio=mean['ours'] / mean['stock'],
        decoded={kind: n / num for kind, n in calls.items()}, steps=steps)


def summarise(args: argparse.Namespace, cfg: Config,
              parts: Dict[str, Any]) -> Dict[str, Any]:
    """Put the parts together to a batch, and that to workers."""
    number = dict(zip(PARTS, counts(cfg, args.config)))
    batch = sum(number[name] * parts[name]['mean_seconds'] for name in PARTS)
    workers = None
    if args.step_time:
        workers = dict(cores=batch / args.step_time,
                       workers=math.ceil(batch / args.step_time))
    return dict(
        config=args.config, samples=args.samples, batch=number,
        batch_core_seconds=batch, step_time=args.step_time, needed=workers,
        num_workers=cfg.train_dataloader.get('num_workers', 0), parts=parts)


def report(result: Dict[str, Any]) -> None:
    """Print the tables."""
    print_table(
        ['part', 'samples/s of a worker', 'mean ms', 'median ms',
         'stock single view, mean ms', '/ stock', 'images decoded',
         'masks decoded'],
        [[name, f'{part["samples_per_second"]:.1f}',
          f'{1000 * part["mean_seconds"]:.2f}',
          f'{1000 * part["median_seconds"]:.2f}',
          f'{1000 * part["stock_mean_seconds"]:.2f}', f'{part["ratio"]:.2f}',
          f'{part["decoded"]["images"]:g}', f'{part["decoded"]["masks"]:g}']
         for name, part in result['parts'].items()])
    for name, part in result['parts'].items():
        total = sum(part['steps'].values())
        print_table([f'transform, {name}', 'ms', 'share'],
                    [[step, f'{1000 * v:.2f}', f'{100 * v / total:.1f} %']
                     for step, v in part['steps'].items()])
    number, needed = result['batch'], result['needed']
    print(f'\na batch of {number["labeled"]} labelled + {number["unlabeled"]} '
          f'unlabelled takes {result["batch_core_seconds"]:.3f} s of a core')
    print('worker cores for a step: not computed, give --step-time SECONDS'
          if needed is None else
          f'worker cores for a step of {result["step_time"]:g} s: '
          f'{needed["cores"]:.2f}, that is {needed["workers"]} workers; the '
          f'config has num_workers={result["num_workers"]}')


def main() -> None:
    """Time the pipelines and print the tables."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    counts(cfg, args.config)
    torch.set_num_threads(1)  # as a worker has them
    cv2.setNumThreads(cfg.get('env_cfg', {}).get('mp_cfg', {}).get(
        'opencv_num_threads', 0))
    dataset = build(cfg, args.config)
    parts = {name: measure_part(cfg, dataset, source, args.samples)
             for source, name in enumerate(PARTS)}
    result = summarise(args, cfg, parts)
    result['machine'] = facts()
    print(f'{args.config}: {args.samples} samples of each part, '
          f'{result["machine"]["cpu"]}')
    report(result)
    if args.out:
        write_json(args.out, result)


if __name__ == '__main__':
    main()
