"""Turn a checkpoint of PseudoSeg into one of a stock segmentor."""

import argparse
import json
import sys
from pathlib import Path
from typing import List, Tuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mmseg.registry import DATASETS, MODELS  # noqa: E402

import mmseg_pseudoseg  # noqa: E402,F401  (allow-lists MMEngine's checkpoints)
from mmseg_pseudoseg.export import (  # noqa: E402
    Logits,
    NoStockPartError,
    check_same,
    is_semi,
    read_config,
    stock_config,
    stock_state,
    without_downloads,
    write_onnx,
)
from mmseg_pseudoseg.visualization import fill_palettes  # noqa: E402
from mmseg_pseudoseg.weights import check_weights  # noqa: E402

EXTRA = 'pip install ".[onnx]" in a checkout'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Keep of a checkpoint what predicts. OUT, and the config '
        'beside it (OUT with .py), are of stock classes: they load without '
        'this package, and predict the same.')
    parser.add_argument('input', type=Path, metavar='IN',
                        help='checkpoint of a SemiSegmentor')
    parser.add_argument('output', type=Path, metavar='OUT',
                        help='file to write, such as stock.pth; must not '
                        'exist')
    parser.add_argument(
        '--config', metavar='CONFIG',
        help='config of the training (default: the one in the checkpoint)')
    parser.add_argument(
        '--safetensors', action='store_true',
        help='write the weights as OUT with .safetensors, too')
    parser.add_argument(
        '--onnx', action='store_true',
        help='write the network as OUT with .onnx, too, and compare it with '
        f'onnxruntime ({EXTRA})')
    parser.add_argument(
        '--size', type=int, nargs=2, metavar=('HEIGHT', 'WIDTH'),
        help='of the image that the comparisons take (default: test or crop '
        'size of the config)')
    return parser.parse_args()


def files(args: argparse.Namespace) -> List[Path]:
    """What will be written: weights, config, and what was asked for.

    Raises:
        SystemExit: If one of them exists, or a library is missing.
    """
    paths = [args.output, args.output.with_suffix('.py')]
    for name, libraries in (('safetensors', ['safetensors']),
                            ('onnx', ['onnx', 'onnxruntime'])):
        if getattr(args, name):
            paths.append(args.output.with_suffix(f'.{name}'))
            for library in libraries:
                try:
                    __import__(library)
                except ImportError as error:
                    raise SystemExit(f'error: --{name} needs {library}: '
                                     f'{EXTRA}') from error
    for path in paths:
        if path.exists():
            raise SystemExit(
                f'{path} exists; choose another name, or remove it')
    return paths


def load(args: argparse.Namespace) -> Tuple[dict, Config]:
    """The checkpoint and the config of its training.

    Raises:
        SystemExit: If one of them is missing or does not do.
    """
    if not args.input.is_file():
        raise SystemExit(f'{args.input}: no such file')
    try:
        checkpoint = CheckpointLoader.load_checkpoint(str(args.input), 'cpu')
    except RuntimeError as error:  # names the file
        raise SystemExit(str(error)) from error
    if not is_semi(checkpoint):
        raise SystemExit(
            f'{args.input}: has no sgc_head, so it is not a checkpoint of a '
            'SemiSegmentor; a stock one needs no conversion')
    if args.config:
        return checkpoint, Config.fromfile(args.config)
    text = (checkpoint.get('meta') or {}).get('cfg')
    try:
        return checkpoint, read_config(text or '')
    except ValueError as error:
        raise SystemExit(f'error: {args.input}: its config cannot be read '
                         f'({error}): give --config CONFIG') from error


def metainfo(checkpoint: dict, cfg: Config) -> dict:
    """Names and colours of the classes."""
    fill_palettes(cfg)
    dataset = cfg.test_dataloader.dataset
    meta = dict(getattr(DATASETS.get(dataset['type']), 'METAINFO', {}))
    meta.update(dataset.get('metainfo') or {})
    meta.update({
        key: value for key, value in
        (checkpoint.get('meta') or {}).get('dataset_meta', {}).items()
        if key in ('classes', 'palette') and value})
    return meta


def build_ours(cfg: Config, checkpoint: dict, name: str) -> torch.nn.Module:
    """The network as it was trained.

    Raises:
        SystemExit: If the checkpoint is not of this config.
    """
    model = MODELS.build(without_downloads(cfg.model))
    try:
        check_weights(model, checkpoint, name, cfg.filename)
    except ValueError as error:
        raise SystemExit(f'error: {error}') from error
    model.load_state_dict(checkpoint['state_dict'], strict=False)
    return model.eval()


def test_size(cfg: Config) -> Tuple[int, int]:
    """Height and width of a tested image, or of a crop."""
    one = cfg.model.data_preprocessor
    size = (one.get('test_cfg') or {}).get('size') or one.get('size')
    return tuple(size or (512, 512))


def main() -> None:
    """Convert the file."""
    args = parse_args()
    paths = files(args)
    checkpoint, cfg = load(args)
    init_default_scope('mmseg')
    meta = metainfo(checkpoint, cfg)
    model = build_ours(cfg, checkpoint, str(args.input))
    size = tuple(args.size or test_size(cfg))
    state = stock_state(checkpoint)
    saved = dict(checkpoint.get('meta') or {}, dataset_meta=meta)
    saved.pop('cfg', None)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    try:
        stock = stock_config(cfg, meta)
        network = MODELS.build(stock.model)
        known = network.state_dict().keys()
        network.load_state_dict(
            {key: state[key] for key in state if key in known}, strict=True)
        check_same(model, network, size)
    except (NoStockPartError, RuntimeError) as error:
        paths.pop(1)
        print(f'no config was written: {error}. --onnx writes a file that '
              'needs neither this package nor MMSegmentation')
    else:
        for key in [key for key in state if key not in known]:
            del state[key]  # what a part of ours counts and prediction lacks
        saved['cfg'] = stock.pretty_text
        stock.dump(paths[1])
    torch.save(dict(state_dict=state, meta=saved), args.output)
    print(f'{args.output}: {len(state)} tensors')
    if args.safetensors:
        from safetensors.torch import save_file
        save_file({key: value.contiguous() for key, value in state.items()},
                  str(args.output.with_suffix('.safetensors')),
                  metadata=dict(classes=json.dumps(list(meta['classes']))))
    if args.onnx:
        path = args.output.with_suffix('.onnx')
        free, worst = write_onnx(Logits(model, cfg.model.data_preprocessor),
                                 path, size, meta['classes'])
        print(f'{path}: {"any size" if free else f"{size} alone"}; '
              f'onnxruntime differs by {worst:.1g} of the largest logit')
    for path in paths[1:]:
        print(path)


if __name__ == '__main__':
    main()
