"""Print the keys that make a stock config semi-supervised."""

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

with redirect_stdout(sys.stderr):  # dependencies print when imported
    import _cli  # noqa: E402,F401  isort: skip  (finds, registers the package)

from _networks import (  # noqa: E402
    NetworkError,
    channels_to_change,
    semi_keys,
)
from mmengine.config import Config, DictAction  # noqa: E402

from mmseg_pseudoseg.engine.sentences import (  # noqa: E402
    ending_in_a_sentence,
)

BY_HAND = ('SGCHead needs from the backbone (or neck) a list of maps '
           '(N, D, h, w), and SemiSegmentor from the decode head logits '
           '(N, C, h, w); with a network that has both, write '
           'model.sgc_head.in_channels and .in_index by hand '
           '(docs/networks.md)')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__ + ' Builds its backbone on the CPU, without '
        'weights, and looks at what it gives for a small image.',
        epilog='Paste the output into a config that has CONFIG as _base_; '
        'see docs/networks.md.')
    parser.add_argument(
        'config', help='a stock config, or a stock file of _base_/models')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE',
        help='override keys of the config first, such as '
        'model.decode_head.num_classes=21')
    return parser.parse_args()


def keys_text(path: str, cfg: Config) -> str:
    """The keys as the text of a config.

    Args:
        path (str): Of the config, for messages.
        cfg (Config): The config.

    Returns:
        str: Valid Python; comments say which stages there are.

    Raises:
        SystemExit: If the config is not one that keys suffice for.
    """
    if 'model' not in cfg:
        raise SystemExit(f'{path}: has no model; give a whole config, or a '
                         'file of _base_/models')
    if 'sgc_head' in cfg.model:
        wrong = channels_to_change(cfg.model)
        if not wrong:
            raise SystemExit(f'{path}: model.sgc_head is set already, nothing '
                             'needs to be added')
        raise SystemExit('\n'.join([
            f'{path}: model.sgc_head is set already, but not all channels '
            'fit:', *map(str, wrong)]))
    try:
        keys, stages = semi_keys(cfg.model)
    except NetworkError as error:
        raise SystemExit(f'{path}: {error}. {BY_HAND}') from error
    part = 'neck' if cfg.model.get('neck') else 'backbone'
    lines = [f'# Stages of the {part}: position, channels, stride.']
    lines += [f'#   {s.position}, {s.channels}, {s.stride:.3g}'
              for s in stages]
    if 'size' not in (cfg.model.get('data_preprocessor') or {}):
        lines.append('# Missing: size=crop_size in data_preprocessor.')
    return '\n'.join([*lines, 'model = dict(', *map(key_text, keys.items()),
                      ')'])


def key_text(item: Tuple[str, Any]) -> str:
    """A key of ``model`` as lines of a config."""
    key, value = item
    if not isinstance(value, dict):
        return f'    {key}={value!r},'
    inner = [f'{name}={one!r}' for name, one in value.items()]
    text = f'    {key}=dict({", ".join(inner)}),'
    if len(text) < 80:
        return text
    return f'    {key}=dict(\n        ' + ',\n        '.join(inner) + '),'


@ending_in_a_sentence()
def main() -> None:
    """Print the keys."""
    args = parse_args()
    if not Path(args.config).is_file():
        raise SystemExit(f'{args.config}: no such file')
    cfg = Config.fromfile(args.config)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    print(keys_text(args.config, cfg))


if __name__ == '__main__':
    main()
