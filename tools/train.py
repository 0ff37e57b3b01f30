"""Train a network: stock configs or this package's."""

import argparse
from contextlib import contextmanager
from typing import Iterator

import torch
from _cli import add_common_arguments, load_config
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner, find_latest_checkpoint
from mmseg.registry import OPTIM_WRAPPERS
from torch import nn

from mmseg_pseudoseg.engine import leave_process_group


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


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Train a segmentor')
    add_common_arguments(parser)
    parser.add_argument(
        '--resume', nargs='?', const='auto', metavar='CHECKPOINT',
        help='continue from this checkpoint; without one, from the last in '
        'the work dir, or from the start where there is none yet')
    parser.add_argument(
        '--amp', action='store_true',
        help='automatic mixed precision; on a CPU in bfloat16')
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
    if get_device() == 'cpu':
        wrapper.type = 'CPUAmpOptimWrapper'
    else:
        wrapper.type = 'AmpOptimWrapper'
        wrapper.loss_scale = 'dynamic'


def resume_from(cfg: Config, checkpoint: str) -> None:
    """Let ``cfg`` continue from ``checkpoint``.

    Args:
        cfg (Config): Keeps its own ``load_from`` where there is nothing to
            continue from.
        checkpoint (str): A path, or ``'auto'`` for the last one in the work
            dir.
    """
    if checkpoint == 'auto':
        checkpoint = find_latest_checkpoint(cfg.work_dir)
    if checkpoint is not None:
        cfg.resume = True
        cfg.load_from = checkpoint


def main() -> None:
    """Run the training."""
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
    if args.resume:
        resume_from(cfg, args.resume)
    Runner.from_cfg(cfg).train()
    leave_process_group()


if __name__ == '__main__':
    main()
