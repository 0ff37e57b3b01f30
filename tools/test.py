"""Evaluate a checkpoint with the stock test loop."""

import argparse

from _cli import add_common_arguments, load_config
from mmengine.config import Config
from mmseg.evaluation import CityscapesMetric, IoUMetric
from mmseg.registry import METRICS

from mmseg_pseudoseg.engine import ScreenRunner, leave_process_group
from mmseg_pseudoseg.engine.failures import explain_failures


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Test a segmentor')
    add_common_arguments(parser, 'test')
    parser.add_argument('checkpoint', help='path of the checkpoint')
    parser.add_argument(
        '--out', metavar='DIR',
        help='save the predicted class ids, one PNG an image')
    parser.add_argument(
        '--show-dir', metavar='DIR',
        help='save painted predictions; they lie in DIR/vis_data/vis_image')
    parser.add_argument(
        '--tta', action='store_true',
        help='test-time augmentation, as tta_pipeline of the config says')
    return parser.parse_args()


def enable_saving(cfg: Config, out: str) -> None:
    """Let the metric that can write masks do so.

    Args:
        cfg (Config): Its ``test_evaluator`` is one metric, or a list of them.
        out (str): Folder of the masks.

    Raises:
        SystemExit: If no metric can.
    """
    evaluator = cfg.get('test_evaluator') or []
    for metric in evaluator if isinstance(evaluator, list) else [evaluator]:
        kind = metric.get('type')
        kind = METRICS.get(kind) if isinstance(kind, str) else kind
        if isinstance(kind, type) and issubclass(
                kind, (IoUMetric, CityscapesMetric)):
            # CityscapesMetric deletes the masks without keep_results.
            metric.update(output_dir=out, keep_results=True)
            return
    raise SystemExit(
        f'--out: test_evaluator of {cfg.filename} has no IoUMetric and no '
        'CityscapesMetric, the two that write masks: add '
        "dict(type='IoUMetric', iou_metrics=['mIoU']) to it")


def enable_drawing(cfg: Config, show_dir: str) -> None:
    """Let the visualization hook draw every prediction."""
    hook = cfg.default_hooks.setdefault(
        'visualization', dict(type='SegVisualizationHook'))
    hook.draw = True
    hook.interval = 1
    cfg.visualizer.save_dir = show_dir


def enable_tta(cfg: Config) -> None:
    """Predict with the mean over augmented copies of each image.

    Args:
        cfg (Config): Its model and test pipeline are wrapped.

    Raises:
        SystemExit: If a part is missing.
    """
    for key in ('tta_model', 'tta_pipeline'):
        if not cfg.get(key):
            raise SystemExit(f'--tta: {cfg.filename} has no {key}')
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.tta_model.module = cfg.model
    cfg.model = cfg.tta_model


def main() -> None:
    """Run the test."""
    args = parse_args()
    cfg = load_config(args)
    cfg.load_from = args.checkpoint
    if args.out:
        enable_saving(cfg, args.out)
    if args.show_dir:
        enable_drawing(cfg, args.show_dir)
    if args.tta:
        enable_tta(cfg)
    explain_failures(ScreenRunner.from_cfg(cfg).test)
    leave_process_group()


if __name__ == '__main__':
    main()
