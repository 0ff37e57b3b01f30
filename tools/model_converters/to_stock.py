"""Turn a checkpoint of PseudoSeg into one of a stock segmentor."""

import argparse
import sys
from pathlib import Path

import torch
from mmengine.runner import CheckpointLoader

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import mmseg_pseudoseg  # noqa: E402,F401  (allow-lists MMEngine's checkpoints)

# What SemiSegmentor adds to EncoderDecoder.
ADDED = ('sgc_head.', 'pseudo_label.', 'unsup_loss.')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Keep of a checkpoint what predicts: the result loads '
        'strictly into the plain EncoderDecoder config of the same backbone '
        'and decode head, without this package, and predicts the same.')
    parser.add_argument('input', type=Path, metavar='IN',
                        help='checkpoint of a SemiSegmentor')
    parser.add_argument('output', type=Path, metavar='OUT',
                        help='file to write; must not exist')
    return parser.parse_args()


def strip(checkpoint: dict) -> dict:
    """Weights and metadata of the stock part.

    Args:
        checkpoint (dict): As MMEngine saves it. Its state dict is changed in
            place, which keeps the versions of the modules that it carries.

    Returns:
        dict: ``state_dict`` and ``meta``.

    Raises:
        ValueError: If it is no checkpoint of PseudoSeg.
    """
    state = checkpoint.get('state_dict', {})
    if not any(key.startswith('sgc_head.') for key in state):
        raise ValueError(
            'has no sgc_head, so it is not a checkpoint of a SemiSegmentor; '
            'a stock one needs no conversion')
    for key in [key for key in state if key.startswith(ADDED)]:
        del state[key]
    return dict(state_dict=state, meta=checkpoint.get('meta', {}))


def main() -> None:
    """Convert the file."""
    args = parse_args()
    if not args.input.is_file():
        raise SystemExit(f'{args.input}: no such file')
    if args.output.exists():
        raise SystemExit(
            f'{args.output} exists; choose another name, or remove it')
    try:
        stock = strip(
            CheckpointLoader.load_checkpoint(str(args.input), 'cpu'))
    except RuntimeError as error:  # names the file
        raise SystemExit(str(error)) from error
    except ValueError as error:
        raise SystemExit(f'{args.input}: {error}') from error
    args.output.parent.mkdir(parents=True, exist_ok=True)
    torch.save(stock, args.output)
    print(f'{args.output}: {len(stock["state_dict"])} tensors')


if __name__ == '__main__':
    main()
