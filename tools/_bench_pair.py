"""A process of a pair: steps alone, beside another one, and with it."""

import json
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

import _cli
import torch
from _benchmark import load_config
from _memory import keep_freed_memory
from _synthetic_batch import synthetic_batch
from _training_step import Trainee, build
from mmengine.config import Config
from mmengine.registry import MODEL_WRAPPERS
from torch import distributed

from mmseg_pseudoseg.engine import leave_process_group

ONE, APART, TWO = 'one process', 'two, apart', 'two, joined'


def make(cfg: Config, job: Dict[str, Any]) -> Trainee:
    """The config's network and a synthetic batch for it."""
    hooks = [hook['type'] for hook in cfg.get('custom_hooks', [])]
    torch.manual_seed(0)
    return build(cfg.model, cfg.optim_wrapper.copy(),
                 synthetic_batch(cfg, job['batch'], job['shape']), 'cpu',
                 'ChannelsLastHook' in hooks)


def join(cfg: Config, trainee: Trainee) -> Trainee:
    """The same, its model wrapped as a Runner wraps it.

    Args:
        cfg (Config): Behind ``join_processes_on_cpu``.
        trainee (Trainee): With the bare model.

    Returns:
        Trainee: Gradients are means over the processes.
    """
    return trainee._replace(model=MODEL_WRAPPERS.build(
        dict(cfg.model_wrapper_cfg, module=trainee.model)))


def alternate(alone: Trainee, joined: Trainee, rounds: int, warmup: int
              ) -> Dict[str, Dict[str, List[float]]]:
    """Time the three kinds of step in turn.

    Args:
        alone (Trainee): Without communication.
        joined (Trainee): With it.
        rounds (int): How often each counts; every other one runs them in the
            opposite order.
        warmup (int): Rounds before that.

    Returns:
        dict[str, dict[str, list[float]]]: ``seconds`` of this process's
        steps, and of the cores they had (``core_seconds``). The first process
        alone makes those of one process; the other waits, asleep.
    """
    steps = {ONE: alone.step, APART: alone.step, TWO: joined.step}
    clocks = dict(seconds=time.perf_counter, core_seconds=time.process_time)
    found: Dict[str, Dict[str, List[float]]] = {
        clock: {name: [] for name in steps} for clock in clocks}
    for k in range(-warmup, rounds):
        for name in sorted(steps, key=list(steps).index, reverse=k % 2 == 1):
            distributed.barrier()
            if name == ONE and distributed.get_rank():
                continue
            start = {clock: now() for clock, now in clocks.items()}
            steps[name]()
            if k >= 0:
                for clock, now in clocks.items():
                    found[clock][name].append(now() - start[clock])
    return found


def main() -> None:
    """``_bench_pair.py JOB REPORT``, started by each of the processes."""
    job = json.loads(sys.argv[1])
    torch.set_num_threads(job['threads'])
    cfg = load_config(job['config'], job['options'])
    cfg.env_cfg.dist_cfg.backend = 'gloo'
    cfg.model.unsup_start = 0
    cfg.model.data_preprocessor.update(size=tuple(job['shape']),
                                       size_divisor=None)
    _cli.choose_wrapper(cfg)
    _cli.join_processes_on_cpu(cfg)
    cfg.model_wrapper_cfg.update(job['wrapper'])
    trainees = [make(cfg, job), join(cfg, make(cfg, job))]
    found = alternate(*trainees, job['iters'], job['warmup'])
    if distributed.get_rank() == 0:
        gradient = sum(weight.nbytes for weight in
                       trainees[1].model.parameters() if weight.requires_grad)
        Path(sys.argv[2]).write_text(json.dumps(dict(
            found, gradient_bytes=gradient,
            threads=torch.get_num_threads(), wrapper=cfg.model_wrapper_cfg)))
    del trainees
    leave_process_group()


if __name__ == '__main__':
    keep_freed_memory()
    main()
