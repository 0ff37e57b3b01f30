"""Which classes does a checkpoint confuse? The stock test loop, counted."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from _cli import add_common_arguments, load_config  # noqa: E402

from mmseg_pseudoseg.engine import (  # noqa: E402
    CheckWeightsHook,
    ScreenRunner,
    leave_process_group,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='Writes confusion_matrix.csv (pixels; rows are the truth) and '
        'confusion_matrix.png (shares of each true class).')
    add_common_arguments(parser, 'confusion_matrix')
    parser.add_argument('checkpoint', help='path of the checkpoint')
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help="default: the checkpoint's folder")
    return parser.parse_args()


def main() -> None:
    """Run the test with :class:`ConfusionMatrixMetric` alone."""
    args = parse_args()
    if not Path(args.checkpoint).is_file():
        raise SystemExit(f'error: checkpoint {args.checkpoint}: no such file')
    cfg = load_config(args)
    cfg.load_from = args.checkpoint
    out = args.out or Path(args.checkpoint).parent
    cfg.test_evaluator = dict(type='ConfusionMatrixMetric', out_dir=str(out))
    runner = ScreenRunner.from_cfg(cfg)
    runner.register_hook(CheckWeightsHook())
    runner.test()
    leave_process_group()


if __name__ == '__main__':
    main()
