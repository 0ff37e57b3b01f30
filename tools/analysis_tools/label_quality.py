"""Are the pseudo labels right? Decoder, SGC and fused label against masks."""

import sys
from pathlib import Path
from typing import Dict, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _cli  # noqa: E402,F401  isort: skip  (finds and registers the package)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from _hidden_masks import (  # noqa: E402
    IGNORE,
    batches,
    count,
    load,
    mean_iou,
    parser,
    sources,
    to_masks,
    weak_views,
)
from mmseg.models.utils import resize  # noqa: E402
from prettytable import MARKDOWN, PrettyTable  # noqa: E402
from torch import Tensor  # noqa: E402


@torch.no_grad()
def predict(model: torch.nn.Module, inputs: Tensor,
            masks: Tensor) -> Tuple[Dict[str, Tensor], Tensor, Tensor]:
    """What each source says at the masks' size.

    Args:
        model (nn.Module): ``SemiSegmentor``; image-level labels come from
            the masks where it uses them.
        inputs (Tensor): (N, 3, H, W), normalised.
        masks (Tensor): (N, H, W).

    Returns:
        tuple: Classes (N, H, W) of each source, 255 where the fused label
        has no weight in ``kept``; the classifier's decisions and the truth,
        (2, N, C-1).
    """
    logits, sgc, truth = sources(model, inputs, masks)
    fused, weight = model.pseudo_label(logits, sgc.logits)
    maps = dict(decoder=logits, sgc=sgc.logits, fused=fused)
    labels = {
        name: to_masks(value, masks).argmax(dim=1)
        for name, value in maps.items()
    }
    weight = resize(weight, masks.shape[1:], mode='nearest')[:, 0]
    labels['kept'] = labels['fused'].masked_fill(weight == 0, IGNORE)
    decided = (sgc.cls_logits >= 0).float()
    return labels, decided, truth


def row(name: str, confusion: np.ndarray, pixels: int) -> List[str]:
    """A line of the table, in per cent."""
    total = max(confusion.sum(), 1)
    values = (total / pixels, np.trace(confusion) / total,
              mean_iou(confusion), confusion[:, 1:].sum() / total,
              confusion[1:].sum() / total)
    return [name, *(f'{100 * value:.1f}' for value in values)]


def measure(model: torch.nn.Module, samples: List[dict],
            size: int) -> Tuple[Dict[str, np.ndarray], Tensor, Tensor]:
    """Confusions of each source, decisions and truth of the classifier."""
    confusions: Dict[str, np.ndarray] = {}
    tags: List[Tuple[Tensor, Tensor]] = []
    for inputs, masks in batches(model, samples, size):
        labels, decided, truth = predict(model, inputs, masks)
        tags.append((decided, truth))
        for name, label in labels.items():
            confusions[name] = confusions.get(name, 0) + count(
                label, masks, model.num_classes)
    decided, truth = (torch.cat(parts) for parts in zip(*tags, strict=True))
    return confusions, decided, truth


def main() -> None:
    """Print the table."""
    args = parser(__doc__).parse_args()
    cfg, model = load(args)
    confusions, decided, truth = measure(
        model, weak_views(cfg, args.num), cfg.train_dataloader.batch_size)
    table = PrettyTable(['label', 'pixels', 'right', 'mIoU',
                         'foreground, labelled', 'foreground, true'])
    table.set_style(MARKDOWN)
    pixels = confusions['fused'].sum()
    for name, confusion in confusions.items():
        table.add_row(row(name, confusion, pixels))
    print(table)
    hits = (decided * truth).sum()
    print(f'classifier: precision {hits / decided.sum().clamp(min=1):.2f}, '
          f'recall {hits / truth.sum().clamp(min=1):.2f}, right in '
          f'{(decided == truth).float().mean():.3f} of all cases; "absent" '
          f'would be in {1 - truth.mean():.3f}')


if __name__ == '__main__':
    main()
