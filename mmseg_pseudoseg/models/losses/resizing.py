"""Bilinear resizing as products with matrices, a part of the map at a time.

``F.interpolate`` makes the whole map, and its gradient is not deterministic on
a GPU.

Shape legend:
    M: rows of a small map, w: its width, W: width of the resized one.
"""

from functools import lru_cache
from typing import List, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Part(NamedTuple):
    """Some rows, or columns, of the resized map.

    Attributes:
        targets (slice): Which.
        sources (slice): Those of the small map that they are made of.
        weights (Tensor): (number of ``targets``, number of ``sources``).
    """

    targets: slice
    sources: slice
    weights: Tensor


def resize_matrix(source: int, target: int, align_corners: bool) -> Tensor:
    """Bilinear resizing along one axis as a matrix, (target, source)."""
    unit = torch.eye(source, dtype=torch.float64)
    return F.interpolate(unit[None, None], (target, source), mode='bilinear',
                         align_corners=align_corners)[0, 0]


@lru_cache(maxsize=32)
def parts(source: int, target: int, align_corners: bool, step: int,
          device: torch.device, dtype: torch.dtype) -> List[Part]:
    """Parts of ``step`` each, made once: the host knows their sources."""
    matrix, found = resize_matrix(source, target, align_corners), []
    for start in range(0, target, step):
        some = matrix[start:start + step]
        used = some.any(dim=0).nonzero()
        sources = slice(int(used[0]), int(used[-1]) + 1)
        found.append(Part(slice(start, start + step), sources,
                          some[:, sources].to(device, dtype)))
    return found


def band_rows(most: int, source: int, target: int) -> int:
    """R: about ``most``, from one row of the logits to another.

    Fewer of their rows are then resized for two bands.
    """
    scale = round((target - 1) / max(source - 1, 1))
    if 0 < scale <= 32:  # the coarsest stride of backbones
        most = max(most // scale, 1) * scale
    return min(max(most, 1), target)


def widen(small: Tensor, spans: List[Part], wide: Tensor) -> Tensor:
    """Resize rows, (M, w), into ``wide``, (M, W)."""
    for columns, sources, weights in spans:
        torch.mm(small[:, sources], weights.T, out=wide[:, columns])
    return wide


def narrow(wide: Tensor, spans: List[Part], small: Tensor) -> Tensor:
    """Add the transpose of :func:`widen` to ``small``, (M, w)."""
    for columns, sources, weights in spans:
        small[:, sources].addmm_(wide[:, columns], weights)
    return small
