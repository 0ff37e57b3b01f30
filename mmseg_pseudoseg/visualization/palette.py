"""Colours of classes for data sets that come without."""

from functools import cache
from typing import List, Tuple

import cv2
import numpy as np
from mmengine.config import Config
from mmseg.registry import DATASETS

Colour = Tuple[int, int, int]
LEVELS = (0, 43, 85, 128, 170, 213, 255)
# Darker ones look like the background, lighter ones like ignored pixels.
LIGHTNESS = (45, 92)


@cache
def colour_list() -> Tuple[Colour, ...]:
    """Black, then each time the colour farthest from all before.

    Distances are those of CIELAB, where they are what the eye sees. White,
    the colour of ignored pixels, counts as taken. Colour k does not depend on
    how many are needed.

    Returns:
        tuple: RGB, some 280 of them.
    """
    rgb = np.array(np.meshgrid(LEVELS, LEVELS, LEVELS, indexing='ij'),
                   np.float32).reshape(3, -1).T
    lab = cv2.cvtColor(rgb[None] / 255, cv2.COLOR_RGB2LAB)[0]
    fits = (lab[:, 0] > LIGHTNESS[0]) & (lab[:, 0] < LIGHTNESS[1])
    free, points = rgb[fits], lab[fits]
    distance = np.minimum(np.linalg.norm(points - [0, 0, 0], axis=1),
                          np.linalg.norm(points - [100, 0, 0], axis=1))
    result: List[Colour] = [(0, 0, 0)]
    for _ in free:
        best = int(distance.argmax())
        red, green, blue = map(int, free[best])
        result.append((red, green, blue))
        distance = np.minimum(
            distance, np.linalg.norm(points - points[best], axis=1))
    return tuple(result)


def distinct_colours(number: int) -> List[List[int]]:
    """A palette: black for the background, colours far apart for the rest.

    Args:
        number (int): Of classes; beyond :func:`colour_list` colours repeat.

    Returns:
        list[list[int]]: RGB of each class.
    """
    colours = colour_list()
    return [list(colours[k] if k < len(colours) else
                 colours[1 + (k - 1) % (len(colours) - 1)])
            for k in range(number)]


def fill_palettes(cfg: Config) -> None:
    """Give colours to the data sets of a config that name classes alone.

    The stock ``BaseSegDataset`` draws them at random, seed 42: two classes
    may look alike, and the background like one of them.

    Args:
        cfg (Config): Changed in place. A palette that is there stays, and so
            does that of a data set's class (``METAINFO``).
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        _fill(cfg.get(name))


def _fill(node: object) -> None:
    """Fill the palettes of the data sets at and below ``node``."""
    if isinstance(node, (list, tuple)):
        for item in node:
            _fill(item)
    if not isinstance(node, dict):
        return
    meta = node.get('metainfo')
    if isinstance(meta, dict) and meta.get('classes') and not meta.get(
            'palette'):
        kind = node.get('type')
        kind = DATASETS.get(kind) if isinstance(kind, str) else kind
        if 'palette' in meta or not getattr(kind, 'METAINFO', {}).get(
                'palette'):
            meta['palette'] = distinct_colours(len(meta['classes']))
    for key, value in node.items():
        if key != 'metainfo':
            _fill(value)
