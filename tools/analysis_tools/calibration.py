"""Are the pseudo labels honest? Calibration of each stage of equation 4."""

import json
import sys
from pathlib import Path
from typing import Dict, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _cli  # noqa: E402,F401  isort: skip  (finds and registers the package)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from _hidden_masks import (  # noqa: E402
    batches,
    count,
    load,
    mean_iou,
    parser,
    sources,
    to_masks,
    weak_views,
)
from prettytable import MARKDOWN, PrettyTable  # noqa: E402

from mmseg_pseudoseg.evaluation import (  # noqa: E402
    Bins,
    bin_pixels,
    expected_error,
    maximum_error,
    reliability_diagram,
)
from mmseg_pseudoseg.models import CalibratedFusion  # noqa: E402

BINS = 15
# The paper names only G, and calls the rest "all the intermediate steps and
# other fusion variants" (section 4.3).
STAGES = {
    'A decoder': dict(source='decoder', temperature=1),
    'B SGC': dict(source='sgc', temperature=1),
    'C decoder, sharpened': dict(source='decoder', temperature=0.5),
    'D SGC, sharpened': dict(source='sgc', temperature=0.5),
    'E average': dict(norm=None, temperature=1),
    'F average, Norm': dict(norm='rms', temperature=1),
    'G average, Norm, sharpened': dict(norm='rms', temperature=0.5),
}
Stages = Dict[str, Tuple[Bins, np.ndarray]]


def measure(model: torch.nn.Module, samples: List[dict], size: int) -> Stages:
    """Bins and confusion of each stage, at the masks' size.

    Args:
        model (nn.Module): ``SemiSegmentor``; of its pseudo label nothing but
            ``align_corners`` is used.
        samples (list[dict]): Of ``weak_views``.
        size (int): Images in a batch, over which ``'rms'`` normalises.

    Returns:
        dict: Stage -> bins (15,) over all classes, confusion (C, C).
    """
    classes = model.num_classes
    fusions = {
        name: CalibratedFusion(
            align_corners=model.pseudo_label.align_corners, **stage)
        for name, stage in STAGES.items()
    }
    result: Stages = {
        name: (Bins.zeros(BINS), np.zeros((classes, classes), int))
        for name in STAGES
    }
    for inputs, masks in batches(model, samples, size):
        logits, sgc, _ = sources(model, inputs, masks)
        for name, fusion in fusions.items():
            label, _ = fusion(logits, sgc.logits)
            confidence, predicted = to_masks(label, masks).max(dim=1)
            bins, confusion = result[name]
            new = bin_pixels(confidence, predicted, masks, classes, BINS)
            result[name] = (bins + new.pooled(),
                            confusion + count(predicted, masks, classes))
    return result


def summarize(bins: Bins, confusion: np.ndarray) -> Dict[str, float]:
    """The table's columns, as fractions."""
    pixels = int(bins.count.sum())
    return {
        'ECE': float(expected_error(bins)),
        'MCE': float(maximum_error(bins)),
        'confidence': float(bins.confidence.sum()) / pixels,
        'right': int(bins.right.sum()) / pixels,
        'mIoU': mean_iou(confusion),
    }


def main() -> None:
    """Print the table; write it and the diagrams."""
    arguments = parser(__doc__)
    arguments.add_argument(
        '--out', type=Path, metavar='DIR',
        help='gets calibration.json and calibration.png (default: the '
        'checkpoint\'s folder)')
    args = arguments.parse_args()
    cfg, model = load(args)
    stages = measure(model, weak_views(cfg, args.num),
                     cfg.train_dataloader.batch_size)
    values = {name: summarize(*stage) for name, stage in stages.items()}
    table = PrettyTable(['label', *next(iter(values.values()))])
    table.set_style(MARKDOWN)
    for name, columns in values.items():
        table.add_row(
            [name, *(f'{100 * value:.1f}' for value in columns.values())])
    print(table)
    out = args.out or Path(args.checkpoint).parent
    out.mkdir(parents=True, exist_ok=True)
    (out / 'calibration.json').write_text(json.dumps(
        dict(config=args.config, checkpoint=args.checkpoint, num=args.num,
             bins=BINS, stages=values), indent=1) + '\n')
    reliability_diagram(
        {name: bins for name, (bins, _) in stages.items()}).savefig(
            out / 'calibration.png', dpi=100)


if __name__ == '__main__':
    main()
