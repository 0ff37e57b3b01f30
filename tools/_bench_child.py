"""Run ``train.py`` under stopwatches until its first batch is in hand."""

import json
import multiprocessing
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List
from unittest.mock import patch

import train  # isort: skip  (first, as it is when it runs alone)

import cv2
import torch
from _clock import Part, Spans
from mmengine import runner as runners
from mmengine.config import Config, config
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModule
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import TRANSFORMS
from PIL import Image
from torch.utils.data import dataloader
from yapf.yapflib import yapf_api

from mmseg_pseudoseg.datasets import SemiDataset

# Rows of the table. What an inner one takes is not in the outer one.
IMPORTS, REST = 'Python and its imports', 'rest'
PARTS = [
    Part(Config, 'fromfile', 'config: read'),
    # onedl-mmengine imports yapf's function each time it wants it.
    Part(config if hasattr(config, 'FormatCode') else yapf_api, 'FormatCode',
         'config: laid out by yapf'),
    Part(runners.runner, 'collect_env', 'description of the machine'),
    Part(Runner, 'build_model', 'network and optimizer'),
    Part(Runner, 'build_optim_wrapper', 'network and optimizer'),
    Part(BaseModule, 'init_weights', 'network and optimizer'),
    Part(SemiDataset, '__init__', 'data sets'),
    Part(BaseDataset, '__init__', 'data sets'),
    Part(Runner, 'load_or_resume', 'checkpoint'),
    Part(dataloader._MultiProcessingDataLoaderIter, '__init__',
         'start of the workers'),
    Part(dataloader._BaseDataLoaderIter, '__next__', 'first batch'),
]
DECODERS = ((cv2, 'imdecode'), (cv2, 'imread'), (Image, 'open'))
MEMORY = ('Private_Clean', 'Private_Dirty', 'Pss')


class FirstBatch(BaseException):
    """Ends the run where its first step would begin.

    Args:
        loop (IterBasedTrainLoop): That would run it.
    """

    def __init__(self, loop: IterBasedTrainLoop) -> None:
        super().__init__()
        self.loop = loop


def stop(loop: IterBasedTrainLoop, data_batch: Any) -> None:
    """In place of ``run_iter``.

    Raises:
        FirstBatch: Always.
    """
    raise FirstBatch(loop)


def count_decodes(stack: ExitStack, spans: Spans) -> Dict[str, Any]:
    """Count what this process and its workers decode.

    Args:
        stack (ExitStack): Keeps the patches; workers that are forked before
            it is left keep them for good.
        spans (Spans): Tells a mask from an image.

    Returns:
        dict[str, Value]: ``images`` and ``masks``, counted up.
    """
    calls = {kind: multiprocessing.Value('q') for kind in ('images', 'masks')}
    masks = Part(TRANSFORMS.get('mmseg.LoadAnnotations'), 'transform', 'masks')
    stack.enter_context(spans.watch([masks]))

    def counting(decode: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            count = calls['masks' if 'masks' in spans.open else 'images']
            with count.get_lock():
                count.value += 1
            return decode(*args, **kwargs)

        return call

    for module, name in DECODERS:
        stack.enter_context(patch.object(
            module, name, counting(getattr(module, name))))
    return calls


def run(began: float) -> tuple:
    """Run ``train.py`` with the arguments of this process.

    Args:
        began (float): ``time.perf_counter()`` of the parent when it started
            this process; the clock is the machine's.

    Returns:
        tuple: The loop, and what was found out.

    Raises:
        SystemExit: If the run ends before it has a batch.
    """
    spans = Spans()
    spans.seconds[IMPORTS] = time.perf_counter() - began
    try:
        with ExitStack() as stack:
            calls = count_decodes(stack, spans)
            stack.enter_context(patch.object(
                IterBasedTrainLoop, 'run_iter', stop))
            stack.enter_context(spans.watch(PARTS))
            stack.enter_context(spans(REST))
            train.main()
    except FirstBatch as end:
        return end.loop, dict(
            seconds=time.perf_counter() - began, parts=spans.seconds,
            cpu_seconds=time.process_time(), iteration=end.loop.iter,
            decoded={kind: count.value for kind, count in calls.items()})
    raise SystemExit('error: the run ended before its first batch: it has '
                     'reached train_cfg.max_iters, or has another loop than '
                     'IterBasedTrainLoop')


def memory(pid: int) -> Dict[str, int]:
    """Bytes of a process: private ones, and its share of all.

    Args:
        pid (int): Its number.

    Returns:
        dict[str, int]: ``private`` and ``pss``.
    """
    lines = Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()
    size = {name: 1024 * int(line.split()[1]) for line in lines
            for name in MEMORY if line.startswith(f'{name}:')}
    return dict(private=size['Private_Clean'] + size['Private_Dirty'],
                pss=size['Pss'])


def look_at_workers(loop: IterBasedTrainLoop) -> List[Dict[str, int]]:
    """Memory of the workers when each has made two more batches.

    Args:
        loop (IterBasedTrainLoop): With its first batch drawn.

    Returns:
        list[dict[str, int]]: Of each worker; none without workers.
    """
    workers = multiprocessing.active_children()
    for _ in range(2 * len(workers)):
        next(loop.dataloader_iterator)
    return [memory(worker.pid) for worker in workers if worker.pid]


def read_ids(dataset: SemiDataset, found: Any) -> None:
    """Read each entry of the list, as a worker does in an epoch or more."""
    for part in dataset.datasets:
        for i in range(len(part)):
            part.get_data_info(i)
    found.put(memory(os.getpid()))


def look_at_reader(dataset: SemiDataset) -> Dict[str, int]:
    """Memory of a process, forked like a worker, that has read all ids.

    Reading a Python object changes its reference count: its page is copied.

    Args:
        dataset (SemiDataset): Of the loader.

    Returns:
        dict[str, int]: As of :func:`memory`.
    """
    context = multiprocessing.get_context('fork')
    found = context.Queue()
    reader = context.Process(target=read_ids, args=(dataset, found))
    reader.start()
    try:
        return found.get(timeout=600)
    finally:
        reader.join()


def main() -> None:
    """``_bench_child.py REPORT BEGAN ARGUMENTS_OF_TRAIN``."""
    report, began = sys.argv[1], float(sys.argv[2])
    sys.argv[:] = [train.__file__, *sys.argv[3:]]
    loop, found = run(began)
    dataset = loop.dataloader.dataset
    found.update(
        workers=look_at_workers(loop), reader=look_at_reader(dataset),
        main=memory(os.getpid()),
        threads=torch.get_num_threads(),
        list_bytes=sum(part.data_bytes.nbytes + part.data_address.nbytes
                       for part in dataset.datasets
                       if part.serialize_data),
        sizes=dataset.source_sizes)
    Path(report).write_text(json.dumps(found))


if __name__ == '__main__':
    main()
