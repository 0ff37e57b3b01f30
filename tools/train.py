"""Train a network: stock configs or this package's."""

import argparse
import os.path as osp
import sys
from contextlib import contextmanager
from typing import Iterator, List

from _cli import add_common_arguments, load_config  # isort: skip  (first)

import torch
from _data_checks import start_findings
from _data_findings import ERROR, lines
from _memory import keep_freed_memory
from _networks import channels_to_change
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, find_latest_checkpoint
from mmseg.registry import OPTIM_WRAPPERS
from torch import nn
from torch.distributed.elastic.multiprocessing.errors import record

from mmseg_pseudoseg.checkpoint import offer_whole_checkpoint
from mmseg_pseudoseg.datasets.semi_dataset import garbage_kept
from mmseg_pseudoseg.engine import (
    CheckWeightsHook,
    ScreenRunner,
    leave_process_group,
)
from mmseg_pseudoseg.engine.failures import explain_failures
from mmseg_pseudoseg.engine.restarts import (
    end_for_good,
    refuse_another_config,
    resume_of_launcher,
)
from mmseg_pseudoseg.engine.sentences import ending_in_a_sentence


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Autocast to bfloat16 on the CPU.

    MMEngine's ``AmpOptimWrapper`` refuses to run without an accelerator.
    bfloat16 has the range of float32, so there is no loss to scale.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass of ``model`` in mixed precision."""
        with super().optim_context(model), \
                torch.autocast('cpu', dtype=torch.bfloat16):
            yield


class LastWordsHook(Hook):
    """Put warnings behind all that the start prints.

    Args:
        texts (list[str]): The warnings.
    """

    priority = 'LOWEST'

    def __init__(self, texts: List[str]) -> None:
        self.texts = texts

    def before_train(self, runner: Runner) -> None:
        """Log them."""
        for text in self.texts:
            runner.logger.warning(text)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Train a segmentor')
    add_common_arguments(parser)
    parser.add_argument(
        '--resume', nargs='?', const='auto', metavar='CHECKPOINT',
        help='continue from this checkpoint; without one, or with "auto", '
        'from the last in the work dir, or from the start where there is none '
        'yet')
    parser.add_argument(
        '--amp', action='store_true',
        help='automatic mixed precision: bfloat16 on a CPU and on GPUs from '
        'compute capability 8.0 on (A100, RTX 30), float16 with a scaled loss '
        'on older ones')
    parser.add_argument(
        '--auto-scale-lr', action='store_true',
        help='scale the learning rate by the whole batch over auto_scale_lr.'
        'base_batch_size of the config')
    return parser.parse_args()


def enable_amp(cfg: Config) -> None:
    """Put mixed precision into ``cfg``.

    Args:
        cfg (Config): Its ``optim_wrapper.type`` is replaced.

    Raises:
        SystemExit: If the config has another optimizer wrapper.
    """
    wrapper = cfg.optim_wrapper
    kind = wrapper.get('type', 'OptimWrapper')
    if kind in ('AmpOptimWrapper', 'CPUAmpOptimWrapper'):
        return
    if kind != 'OptimWrapper':
        raise SystemExit('--amp replaces optim_wrapper.type=OptimWrapper; the '
                         f'config has {kind}: leave --amp out')
    device = get_device()
    if device == 'cpu':
        wrapper.type = 'CPUAmpOptimWrapper'
    else:
        wrapper.type = 'AmpOptimWrapper'
        # is_bf16_supported() counts what older GPUs emulate, slowly.
        if device == 'cuda' and torch.cuda.get_device_capability() >= (8, 0):
            # The range of float32: nothing to scale, and no step waits for
            # the scaler's verdict.
            wrapper.update(dtype='bfloat16', loss_scale=dict(enabled=False))
        else:
            wrapper.loss_scale = 'dynamic'


def resume_from(cfg: Config, checkpoint: str) -> None:
    """Let ``cfg`` continue from ``checkpoint``.

    Args:
        cfg (Config): Keeps its own ``load_from`` where there is nothing to
            continue from.
        checkpoint (str): A path, or ``'auto'`` for the last one in the work
            dir.

    Raises:
        SystemExit: If the last one is not where it was saved.
    """
    if checkpoint == 'auto':
        checkpoint = find_latest_checkpoint(cfg.work_dir)
        if checkpoint is None:
            return
        if '://' not in checkpoint and not osp.exists(checkpoint):
            here = osp.join(cfg.work_dir, osp.basename(checkpoint))
            raise SystemExit(
                f'--resume: {cfg.work_dir}/last_checkpoint names '
                f'"{checkpoint}", which is not there. '
                f'{offer_whole_checkpoint(here)}')
    cfg.resume = True
    cfg.load_from = checkpoint


def check(cfg: Config) -> List[str]:
    """Refuse what would fail in hours, or train on nonsense.

    Compares the config with itself, reads the lists and looks into some files
    of each, with the checks of ``check_data.py``.

    Args:
        cfg (Config): Of the training.

    Returns:
        list[str]: Warnings.

    Raises:
        SystemExit: If there are errors.
    """
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    with garbage_kept():
        found = start_findings(cfg)
    errors = ['\n'.join(lines(one)) for one in found if one.level == ERROR]
    if errors:
        raise SystemExit('\n'.join([
            'error: this cannot be trained (tools/check_data.py looks into '
            'all files, and at what else may be wrong)', *errors]))
    return ['\n'.join(lines(one))[2:] for one in found]


def train(cfg: Config, warned: List[str]) -> None:
    """Run the training.

    Args:
        cfg (Config): The config.
        warned (list[str]): Of :func:`check`.

    Raises:
        SystemExit: If it fails and heads do not fit the backbone, which
            stock layers tell without a key.
    """
    try:
        runner = ScreenRunner.from_cfg(cfg)
        runner.register_hook(LastWordsHook(warned))
        if cfg.get('resume'):
            runner.register_hook(CheckWeightsHook(whole=True))
        explain_failures(runner.train)
    except (AssertionError, IndexError, RuntimeError, ValueError) as error:
        wrong = channels_to_change(cfg.model)
        if not wrong:
            raise
        raise SystemExit('\n'.join(map(str, wrong))) from error


@ending_in_a_sentence()
def main() -> None:
    """Check the config and run the training."""
    args = parse_args()
    cfg = load_config(args)
    if args.amp:
        enable_amp(cfg)
    if args.auto_scale_lr:
        if not cfg.get('auto_scale_lr'):
            raise SystemExit(
                f'--auto-scale-lr: {args.config} has no auto_scale_lr; add '
                'auto_scale_lr=dict(base_batch_size=...)')
        cfg.auto_scale_lr.enable = True
    warned = check(cfg)
    unasked = not (args.resume or cfg.get('resume'))
    resume = resume_of_launcher(args.resume, cfg.work_dir)
    if resume:
        resume_from(cfg, resume)
        if unasked and cfg.get('resume'):
            refuse_another_config(cfg.load_from, cfg)
    code = None
    try:
        train(cfg, warned)
    except SystemExit as end:  # PreemptionHook
        code = end.code
    leave_process_group()
    if code:
        sys.exit(code)


if __name__ == '__main__':
    keep_freed_memory()
    end_for_good(record(main))  # its report goes to torchrun's
