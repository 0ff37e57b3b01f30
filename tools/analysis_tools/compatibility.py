"""One semi-supervised training step of every stock model, as a table."""

import argparse
import sys
from pathlib import Path
from typing import List, NamedTuple, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _cli  # noqa: E402,F401  isort: skip  (finds and registers the package)

import mmseg  # noqa: E402
import torch  # noqa: E402
from _networks import (  # noqa: E402
    NetworkError,
    heads,
    semi_keys,
    without_weights,
)
from _shrink import shrink  # noqa: E402
from mmengine.config import Config, ConfigDict  # noqa: E402
from mmengine.structures import PixelData  # noqa: E402
from mmseg.registry import MODELS  # noqa: E402
from mmseg.structures import SegDataSample  # noqa: E402

from mmseg_pseudoseg.datasets import multi_branch_collate  # noqa: E402
from mmseg_pseudoseg.engine.sentences import (  # noqa: E402
    ending_in_a_sentence,
)
from mmseg_pseudoseg.models import SemiSegmentor  # noqa: E402

STOCK = Path(mmseg.__file__).parent / '.mim' / 'configs'
FILES = sorted((STOCK / '_base_' / 'models').glob('*.py'))
CROPS = (64, 416)  # the second where a head pools over larger windows
VIEWS = ('labeled', 'weak', 'strong')
NEEDS_OPS = 'needs a compiled operator of mmcv, which mmcv-lite lacks'
STOCK_FAILS = 'the stock step itself fails'
UNSUP = 'strong.loss_soft_ce'
HEADER = """# Stock models

Each file of `_base_/models` of the installed MMSegmentation, made
semi-supervised by the keys that `tools/model_converters/semi_keys.py` prints
([how](networks.md)). "yes": one training step ran on synthetic views; its
losses were finite, that of the unlabelled view among them, and the gradient
reached every parameter that the stock loss trains. For speed, backbones and
heads were made narrower and shallower first (`tools/_shrink.py`). "+ FILE":
the stock file does not fit together by itself, keys of that stock config were
added. SGC stages are the positions (strides) that form the hypercolumn.

Written by `python tools/analysis_tools/compatibility.py --out
docs/compatibility.md` with {versions}; do not edit.

| file | segmentor | backbone | head | SGC stages | trains | remark |
|---|---|---|---|---|---|---|
"""


class Row(NamedTuple):
    """A line of the table.

    Attributes:
        file (str): The stock file, without its folder.
        segmentor (str): Type of the stock segmentor.
        backbone (str): Its type; of the image encoder, where that is its key.
        head (str): Types of the decode heads.
        stages (str): Positions and strides of the hypercolumn's stages.
        trains (str): ``'yes'``, only if a step has run, or ``'no'``.
        remark (str): Why not, or what was added.
    """

    file: str
    segmentor: str
    backbone: str
    head: str
    stages: str
    trains: str
    remark: str

    def __str__(self) -> str:
        return f'| {" | ".join(self)} |'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', type=Path, metavar='FILE',
                        help='Markdown file to write; default: print alone')
    return parser.parse_args()


def versions() -> str:
    """What the verdicts depend on, for the header and its test."""
    ops = 'with' if has_ops() else 'without'
    return f'mmseg {mmseg.__version__}, mmcv {ops} compiled operators'


def has_ops() -> bool:
    """Whether this is mmcv, not mmcv-lite."""
    try:
        import mmcv.ops  # noqa: F401
    except ImportError:
        return False
    return True


def leaf(path: Path) -> Optional[Path]:
    """The first stock config, by name, that has the file as its base."""
    return next((leaf for leaf in sorted(STOCK.glob('*/*.py'))
                 if f'/models/{path.name}' in leaf.read_text()), None)


def synthetic_batch(classes: int, crop: int) -> dict:
    """Noise with boxes as masks, as the collate function gives it.

    Args:
        classes (int): C.
        crop (int): Height and width.

    Returns:
        dict: ``inputs`` and ``data_samples``, each by view.
    """
    draw = torch.Generator().manual_seed(0)
    packed = []
    for k in range(2):
        mask = torch.zeros(1, crop, crop, dtype=torch.int64)
        mask[:, 8:40, 8:40] = 1 + k % (classes - 1)
        mask[:, crop - 6:] = 255
        packed.append(dict(
            inputs={view: torch.randint(
                0, 256, (3, crop, crop), generator=draw, dtype=torch.uint8)
                for view in VIEWS},
            data_samples={view: SegDataSample(gt_sem_seg=PixelData(data=mask))
                          for view in VIEWS}))
    return multi_branch_collate(packed)


def gradients(model: torch.nn.Module, losses: dict) -> List[str]:
    """Names of the parameters that a step with ``losses`` trains."""
    model.zero_grad(set_to_none=True)
    model.parse_losses(losses)[0].backward()
    return [n for n, p in model.named_parameters() if p.grad is not None]


def train_step(cfg: ConfigDict) -> str:
    """One step of stock loss and one of PseudoSeg's, on the same network.

    Args:
        cfg (ConfigDict): Of a semi-supervised network.

    Returns:
        str: What was wrong, empty if nothing was.
    """
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.train()
    batch = synthetic_batch(
        model.num_classes, model.data_preprocessor.size[0])
    data = model.data_preprocessor(batch, True)
    inputs, samples = data['inputs'], data['data_samples']
    try:
        stock = gradients(model, super(SemiSegmentor, model).loss(
            inputs['labeled'], samples['labeled']))
    except (RuntimeError, IndexError) as error:
        raise type(error)(f'{STOCK_FAILS}: {error}') from error
    losses = model.loss(inputs, samples)
    if UNSUP not in losses:
        return f'there is no {UNSUP}'
    strange = [key for key, value in losses.items()
               if not torch.isfinite(value).all()]
    if strange:
        return f'{strange[0]} is not finite'
    without = sorted(set(stock) - set(gradients(model, losses)))
    return f'no gradient reaches {without[0]}' if without else ''


def attempt(model: ConfigDict, crop: int = CROPS[0]) -> Tuple[str, str]:
    """Make a stock model semi-supervised and train it.

    Args:
        model (ConfigDict): ``model`` of a stock config.
        crop (int): Size of the images.

    Returns:
        tuple[str, str]: The hypercolumn's stages, and what was wrong.
    """
    chosen = ''
    try:
        small = shrink(without_weights(model), crop)
        keys, stages = semi_keys(small)
        chosen = ', '.join(f'{i} ({stages[i].stride:.3g})'
                           for i in keys['sgc_head']['in_index'])
        small = Config(dict(model=small))
        small.merge_from_dict(dict(model=keys))
        small.model.data_preprocessor.size = (crop, crop)
        return chosen, train_step(small.model)
    except NetworkError as error:
        return chosen, str(error)
    except Exception as error:
        first = (str(error).splitlines() or [''])[0]
        if 'mmcv' in first and not has_ops():
            return chosen, NEEDS_OPS
        if 'too small' in first and crop != CROPS[-1]:
            return attempt(model, CROPS[-1])
        return chosen, f'{type(error).__name__}: {first}'


def judge(path: Path) -> Row:
    """The line of a stock file.

    Args:
        path (Path): One of :data:`FILES`.

    Returns:
        Row: Where a file fails by itself, with keys of a stock config that
        has it as its base, should that help.
    """
    model = Config.fromfile(path).model
    stages, wrong = attempt(model)
    remark, completed = wrong, leaf(path)
    known = wrong.startswith(('model.type', 'model.decode_head', NEEDS_OPS))
    if wrong and not known and completed:
        model = Config.fromfile(completed).model
        stages, wrong = attempt(model)
        remark = wrong or f'+ {completed.relative_to(STOCK)}'
    encoder = model.get('backbone') or model.get('image_encoder')
    return Row(
        path.name, model.type, encoder.type,
        ', '.join(head.type for head in heads(model) if head) or '-',
        stages or '-', 'no' if wrong else 'yes', remark.replace('|', ' '))


@ending_in_a_sentence()
def main() -> None:
    """Print the table and write it."""
    args = parse_args()
    if not FILES:
        raise SystemExit(
            f'error: {STOCK / "_base_" / "models"}: no stock model: this '
            'MMSegmentation was installed from its source without its '
            'configs, install a wheel of it (docs/install.md); nothing was '
            'written')
    rows = []
    for path in FILES:
        rows.append(judge(path))
        print(rows[-1], flush=True)
    trained = sum(row.trains == 'yes' for row in rows)
    print(f'{trained} of {len(rows)} train')
    if args.out:
        text = HEADER.format(versions=versions()) + '\n'.join(map(str, rows))
        args.out.write_text(f'{text}\n\n{trained} of {len(rows)} train.\n')


if __name__ == '__main__':
    main()
