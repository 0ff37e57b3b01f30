"""How much longer is a PseudoSeg step than a supervised one, and why?"""

import argparse
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _cli  # noqa: E402,F401  isort: skip  (finds and registers the package)

import torch  # noqa: E402
from _benchmark import (  # noqa: E402
    add_arguments,
    count_syncs,
    counts,
    facts,
    load_config,
    peak_memory,
    write_json,
)
from _clock import breakdown, interleave, ratio  # noqa: E402
from _memory import keep_freed_memory  # noqa: E402
from _networks import heads  # noqa: E402
from _step_report import print_parts, print_steps  # noqa: E402
from _synthetic_batch import synthetic_batch  # noqa: E402
from _training_step import (  # noqa: E402
    FLOOR,
    METHOD,
    SAME_PASSES,
    SEMI,
    SUP,
    Trainee,
    build,
    floor_step,
    labelled_part,
    run_parts,
    same_passes_step,
    stock_model,
)
from _waits import count_waits  # noqa: E402
from mmengine.config import Config, ConfigDict  # noqa: E402
from train import enable_amp  # noqa: E402


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='Synthetic images, random weights. unsup_start counts as 0.')
    add_arguments(parser)
    parser.add_argument(
        '--baseline', metavar='SUP_CONFIG',
        help='take the supervised network from here; its optimizer and batch '
        "are those of CONFIG. Default: CONFIG's own stock segmentor")
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
    parser.add_argument('--amp', action='store_true',
                        help='as train.py --amp')
    parser.add_argument('--channels-last', action='store_true',
                        help='as ChannelsLastHook, which also switches it on')
    parser.add_argument('--compile', action='store_true',
                        help='torch.compile of train_step, as compile=True')
    parser.add_argument('--iters', type=int, default=20, metavar='N',
                        help='steps of each kind (default: %(default)s)')
    parser.add_argument('--warmup', type=int, default=3, metavar='N',
                        help='steps before them (default: %(default)s)')
    parser.add_argument('--shape', type=int, nargs=2, metavar=('H', 'W'),
                        help='of the crops; default: data_preprocessor.size')
    parser.add_argument('--batch', type=int, nargs=2, metavar=('L', 'U'),
                        help="labelled and unlabelled images; default: a GPU's"
                        ' share in the config')
    args = parser.parse_args()
    if args.device == 'cuda' and not torch.cuda.is_available():
        parser.error('--device cuda: torch finds no GPU; use --device cpu')
    if min(args.iters, args.warmup, *(args.batch or [1]),
           *(args.shape or [1])) < 1:
        parser.error('--iters, --warmup, --batch and --shape take numbers '
                     'from 1 on')
    return args


def prepare(args: argparse.Namespace) -> Tuple[Config, ConfigDict]:
    """The config, and the supervised model to compare with.

    Raises:
        SystemExit: If one of them is not what the step needs.
    """
    cfg = load_config(args.config, args.cfg_options)
    if 'sgc_head' not in cfg.model:
        raise SystemExit(f'error: {args.config}: model.sgc_head is missing; '
                         'give a config of SemiSegmentor, the supervised one '
                         'behind --baseline')
    if cfg.optim_wrapper.get('accumulative_counts', 1) != 1:
        raise SystemExit(
            f'error: {args.config}: optim_wrapper.accumulative_counts is not '
            '1; a step here is one update: add --cfg-options '
            'optim_wrapper.accumulative_counts=1')
    cfg.model.unsup_start = 0
    if not args.baseline:
        return cfg, stock_model(cfg.model)
    stock = load_config(args.baseline).model
    if 'sgc_head' in stock:
        raise SystemExit(f'error: --baseline {args.baseline}: model.sgc_head '
                         'makes it semi-supervised; give a supervised config')
    classes = [heads(model)[-1].num_classes for model in (cfg.model, stock)]
    if classes[0] != classes[1]:
        raise SystemExit(
            f'error: --baseline {args.baseline}: model.decode_head.num_classes'
            f' is {classes[1]}, in {args.config} it is {classes[0]}; give a '
            'config of the same data')
    return cfg, stock


def set_up(args: argparse.Namespace, cfg: Config, stock: ConfigDict) -> None:
    """Put the options into config and arguments, so that both are complete."""
    size = args.shape or cfg.model.data_preprocessor.get('size')
    if size is None:
        raise SystemExit(f'error: {args.config}: model.data_preprocessor.size '
                         'is not set; give the crop by --shape H W')
    args.shape = list(size)
    for model in (cfg.model, stock):
        model.data_preprocessor.update(size=tuple(size), size_divisor=None)
    args.batch = list(args.batch or counts(cfg, args.config))
    hooks = [hook['type'] for hook in cfg.get('custom_hooks', [])]
    args.channels_last |= 'ChannelsLastHook' in hooks
    args.compile = args.compile or cfg.get('compile', False)
    if args.amp:
        enable_amp(cfg)
        wrapper = cfg.optim_wrapper
        if args.device == 'cpu' and wrapper.type == 'AmpOptimWrapper':
            wrapper.type = 'CPUAmpOptimWrapper'  # on a machine with a GPU
            for key in ('dtype', 'loss_scale'):
                wrapper.pop(key, None)
    torch.backends.cudnn.benchmark = cfg.get('env_cfg', {}).get(
        'cudnn_benchmark', False)


def make_steps(args: argparse.Namespace, cfg: Config, stock: ConfigDict
               ) -> Tuple[Dict[str, Trainee], Dict[str, Any]]:
    """Both networks, warmed up one after the other, with their peak memory."""
    batch = synthetic_batch(cfg, args.batch, args.shape)
    trainees: Dict[str, Trainee] = {}
    peaks: Dict[str, Any] = {}
    options = args.compile if isinstance(args.compile, dict) else {}
    for name, model, data in ((SEMI, cfg.model, batch),
                              (SUP, stock, labelled_part(batch))):
        before = 0
        if args.device == 'cuda':
            before = torch.cuda.memory_allocated()
            torch.cuda.reset_peak_memory_stats()
        trainee = build(model, cfg.optim_wrapper.copy(), data, args.device,
                        args.channels_last)
        if args.compile:
            trainee.model.train_step = torch.compile(
                trainee.model.train_step, **options)
        trainees[name] = trainee
        for _ in range(args.warmup):
            trainee.step()
        if args.device == 'cuda' or name == SEMI:
            peaks[name], peaks['counted'] = peak_memory(args.device, before)
    return trainees, peaks


def measure(args: argparse.Namespace,
            trainees: Dict[str, Trainee]) -> Dict[str, Any]:
    """Seconds of steps and parts, and where the host waits."""
    semi = trainees[SEMI]
    floors: Dict[str, Callable] = {
        FLOOR: partial(floor_step, semi),
        SAME_PASSES: partial(same_passes_step, semi)}
    if args.compile:
        options = args.compile if isinstance(args.compile, dict) else {}
        floors = {k: torch.compile(v, **options) for k, v in floors.items()}
    steps: Dict[str, Callable[[int], object]] = {
        SEMI: semi.step, SUP: trainees[SUP].step,
        **{name: lambda k, name=name: floors[name]() for name in floors}}
    seconds = interleave(steps, args.iters, args.warmup, args.device)
    parts = breakdown({SEMI: partial(run_parts, semi),
                       SAME_PASSES: partial(same_passes_step, semi)},
                      args.iters, args.device)
    count = count_syncs if args.device == 'cuda' else count_waits
    eager: Dict[str, Callable[[int], object]] = {
        SEMI: semi.eager_step, SUP: trainees[SUP].eager_step,
        FLOOR: lambda k: floor_step(semi)}
    syncs = {name: count(partial(step, 0)) for name, step in eager.items()}
    return dict(seconds=seconds, parts=parts, syncs=syncs)


def summarise(args: argparse.Namespace, cfg: Config,
              found: Dict[str, Any]) -> Dict[str, Any]:
    """The numbers that the table of targets asks for."""
    seconds = found['seconds']
    median = {k: statistics.median(v) for k, v in seconds.items()}
    parts, floor = found['parts'][SEMI], found['parts'][SAME_PASSES]
    total = sum(parts.values())
    backward = sum(v for k, v in floor.items() if k.endswith('backward'))
    trained = {way: sum(v for k, v in floor.items() if k.endswith(way)
                        and not k.startswith('weak'))
               for way in ('forward', 'backward')}
    return dict(
        config=args.config, baseline=args.baseline, device=args.device,
        amp=args.amp, optim_wrapper=cfg.optim_wrapper.get('type'),
        channels_last=args.channels_last, compile=bool(args.compile),
        batch=args.batch, shape=args.shape,
        image_labels=bool(cfg.model.get('image_labels', False)),
        median_seconds=median,
        ratios={
            **{f'{over} / {under}': ratio(seconds[over], seconds[under])
               for over, under in ((SEMI, SUP), (SEMI, FLOOR),
                                   (SEMI, SAME_PASSES), (FLOOR, SUP))},
            'backward / forward, strong and labelled':
                trained['backward'] / trained['forward'],
        },
        method_share=sum(parts.get(k, 0.) for k in METHOD) / total,
        extra_backward_share=(parts['backward'] - backward) / total,
        **found)


def main() -> None:
    """Time the steps and print the tables."""
    args = parse_args()
    cfg, stock = prepare(args)
    set_up(args, cfg, stock)
    trainees, peaks = make_steps(args, cfg, stock)
    result = summarise(args, cfg, measure(args, trainees))
    result.update(peak_bytes=peaks, machine=facts(args.device))
    print(f'{args.config}: {args.batch[0]} labelled + {args.batch[1]} '
          f'unlabelled, {args.shape[0]} x {args.shape[1]}, '
          f'{result["machine"]["device"]}, '
          f'{result["machine"]["threads"]} threads')
    print_steps(result)
    print_parts(result)
    if args.out:
        write_json(args.out, result)


if __name__ == '__main__':
    keep_freed_memory()
    main()
