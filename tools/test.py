"""Evaluate a checkpoint with the stock test loop."""

import argparse
import os.path as osp

from _cli import add_common_arguments, load_config
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmseg_pseudoseg.datasets.without_masks import is_cityscapes, predict_only
from mmseg_pseudoseg.engine import (
    CheckWeightsHook,
    SavePredictionsHook,
    ScreenRunner,
    leave_process_group,
)
from mmseg_pseudoseg.engine.failures import explain_failures
from mmseg_pseudoseg.engine.sentences import ending_in_a_sentence
from mmseg_pseudoseg.evaluation.tta import enable_tta


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Test a segmentor')
    add_common_arguments(parser, 'test')
    parser.add_argument('checkpoint', help='path of the checkpoint')
    parser.add_argument(
        '--out', metavar='DIR',
        help='save the predicted class ids, one PNG an image, in the '
        'sub-folders of the images; images without masks are predicted and '
        'not measured')
    parser.add_argument(
        '--show-dir', nargs='?', const='pictures', metavar='DIR',
        help='save painted predictions, one JPEG an image, in the sub-folders '
        'of the images; a relative DIR lies in the work dir (default: '
        '%(const)s)')
    parser.add_argument(
        '--tta', action='store_true',
        help='test-time augmentation, as tta_pipeline of the config says; its '
        'sizes are factors of what the test pipeline resizes to')
    return parser.parse_args()


def saving_hook(cfg: Config, out: str, show_dir: str) -> SavePredictionsHook:
    """What writes masks and pictures.

    Args:
        cfg (Config): A ``CityscapesMetric`` in its ``test_evaluator`` writes
            the masks itself, with the benchmark's own ids.
        out (str, optional): Folder of the masks.
        show_dir (str, optional): Folder of the pictures.
    """
    evaluator = cfg.test_evaluator or []
    for metric in evaluator if isinstance(evaluator, list) else [evaluator]:
        if out and is_cityscapes(metric):
            # It deletes the masks without keep_results.
            metric.update(output_dir=out, keep_results=True)
            out = ''
    return SavePredictionsHook(
        out or None, show_dir and osp.join(cfg.work_dir, show_dir))


@ending_in_a_sentence()
def main() -> None:
    """Run the test."""
    args = parse_args()
    cfg = load_config(args)
    cfg.load_from = args.checkpoint
    cfg.resume = False  # as the config of a resumed run has it
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    hooks = [CheckWeightsHook()]
    try:
        if predict_only(cfg, writes=bool(args.out or args.show_dir)):
            print('no image of test_dataloader.dataset has a mask: they are '
                  'predicted, nothing is measured')
        if args.tta:
            enable_tta(cfg)
        if args.out or args.show_dir:
            hooks.append(saving_hook(cfg, args.out, args.show_dir))
    except ValueError as error:
        raise SystemExit(f'error: {args.config}: {error}') from error
    runner = ScreenRunner.from_cfg(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    explain_failures(runner.test)
    leave_process_group()


if __name__ == '__main__':
    main()
