"""Baseline, PseudoSeg and PseudoSeg with tags on data made on the spot."""

import argparse
import sys
import time
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Dict, List

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
warnings.filterwarnings('ignore')

import mmseg_pseudoseg  # noqa: E402,F401  isort: skip

import torch  # noqa: E402
from make_data import COUNTS, make_data  # noqa: E402
from mmengine.config import Config  # noqa: E402
from mmengine.hooks import Hook  # noqa: E402
from mmengine.runner import Runner  # noqa: E402
from picture import draw_picture  # noqa: E402
from prettytable import PrettyTable  # noqa: E402
from weights import write_weights  # noqa: E402

METHODS = {
    'supervised': 'sup_digits',
    'PseudoSeg': 'pseudoseg_digits',
    'PseudoSeg with tags': 'pseudoseg_digits_tags',
}


class ProgressLine(Hook):
    """One line on the terminal that tells how far a run is.

    MMEngine's logger writes a block of lines each interval; here those go to
    a file.

    Args:
        title (str): Beginning of the line.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.begin = time.time()

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: object = None,
                         outputs: object = None) -> None:
        """Write the line anew."""
        done, total = runner.iter + 1, runner.max_iters
        left = (time.time() - self.begin) / done * (total - done)
        end = '\n' if done == total else ''
        print(f'\r{self.title}: iteration {done}/{total}, {left:4.0f} s left ',
              end=end, flush=True, file=sys.__stdout__)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0],
                        help='train each method once for each seed')
    parser.add_argument('--iters', type=int, default=None,
                        help='iterations of each run; default: the config\'s')
    parser.add_argument('--scenes', type=int, nargs=3, metavar='N',
                        default=list(COUNTS.values()),
                        help='number of labelled, unlabelled, val scenes')
    parser.add_argument('--data', type=Path, default=Path('data/demo'),
                        help='folder for the scenes and the weights')
    parser.add_argument('--work-dir', type=Path,
                        default=Path('work_dirs/demo'),
                        help='folder for logs, table and picture')
    return parser.parse_args()


def load_config(name: str, args: argparse.Namespace, seed: int) -> Config:
    """A config of ``configs/demo`` with the paths and the seed of this run."""
    cfg = Config.fromfile(ROOT / 'configs' / 'demo' / f'{name}.py')
    dataset = cfg.train_dataloader.dataset
    parts = [dataset.labeled, dataset.unlabeled] if 'labeled' in dataset \
        else [dataset]
    for part in [*parts, cfg.val_dataloader.dataset,
                 cfg.test_dataloader.dataset]:
        part.data_root = str(args.data)
    cfg.model.backbone.init_cfg = dict(
        type='Pretrained', checkpoint=str(args.data / 'lite0.pth'))
    cfg.randomness = dict(seed=seed)
    if args.iters:
        cfg.train_cfg.max_iters = cfg.train_cfg.val_interval = args.iters
        cfg.param_scheduler[-1].end = args.iters
    cfg.work_dir = str(args.work_dir / f'{name}_seed{seed}')
    cfg.experiment_name = f'{name}_{seed}_{time.time_ns()}'
    cfg.default_hooks.checkpoint.interval = cfg.train_cfg.max_iters
    return cfg


def train(title: str, cfg: Config) -> Dict[str, float]:
    """Train one network.

    Returns:
        dict[str, float]: ``mIoU`` of the last checkpoint in per cent, and
        ``time`` in seconds.
    """
    begin = time.time()
    Path(cfg.work_dir).mkdir(parents=True, exist_ok=True)
    with open(Path(cfg.work_dir) / 'console.log', 'w') as log, \
            redirect_stdout(log), redirect_stderr(log):
        runner = Runner.from_cfg(cfg)
        runner.register_hook(ProgressLine(title))
        runner.train()
    miou = runner.message_hub.get_scalar('val/mIoU').current()
    return dict(mIoU=float(miou), time=time.time() - begin)


def print_table(results: Dict[str, List[dict]],
                args: argparse.Namespace) -> str:
    """The table of all methods; also returns it."""
    table = PrettyTable(
        ['method', 'mIoU', *(f'seed {s}' for s in args.seeds), 'seconds'])
    table.align = 'r'
    table.align['method'] = 'l'
    for method, runs in results.items():
        mious = torch.tensor([run['mIoU'] for run in runs])
        spread = f' +- {mious.std():.1f}' if len(runs) > 1 else ''
        seconds = sum(run['time'] for run in runs) / len(runs)
        table.add_row([method, f'{mious.mean():.1f}{spread}',
                       *(f'{m:.1f}' for m in mious), f'{seconds:.0f}'])
    labeled, unlabeled, val = args.scenes
    text = (f'{table}\n{labeled} labelled and {unlabeled} unlabelled scenes, '
            f'{val} validation scenes; last checkpoint; seconds a run')
    print(text)
    return text


def main() -> None:
    """Make the data, train, show."""
    args = parse_args()
    begin = time.time()
    print('making the scenes and the pretrained weights ...', flush=True)
    make_data(args.data, dict(zip(COUNTS, args.scenes)))
    write_weights(args.data / 'lite0.pth')
    results: Dict[str, List[dict]] = {method: [] for method in METHODS}
    for seed in args.seeds:
        for method, name in METHODS.items():
            cfg = load_config(name, args, seed)
            results[method].append(train(f'{method}, seed {seed}', cfg))
    text = print_table(results, args)
    (args.work_dir / 'table.txt').write_text(text + '\n')
    cfg = load_config('pseudoseg_digits_tags', args, args.seeds[0])
    picture = draw_picture(cfg, args.work_dir / 'demo.png')
    print(f'{picture}: the views and labels of four scenes; '
          f'{time.time() - begin:.0f} s in all')


if __name__ == '__main__':
    main()
