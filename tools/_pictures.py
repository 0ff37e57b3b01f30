"""Colours and names of classes, for the tools that draw masks."""

from pathlib import Path
from typing import List

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

IGNORE = 255


def colours(meta: dict) -> np.ndarray:
    """Colour of every label.

    Args:
        meta (dict): ``metainfo`` of a data set.

    Returns:
        np.ndarray: uint8, RGB, (256, 3); white for 255.
    """
    table = np.zeros((256, 3), np.uint8)
    table[:len(meta['palette'])] = meta['palette']
    table[IGNORE] = 255
    return table


def class_patches(meta: dict, labels: np.ndarray) -> List[Patch]:
    """What a legend shows of the classes in a picture.

    Args:
        meta (dict): ``metainfo`` of a data set.
        labels (np.ndarray): Masks, any shape.

    Returns:
        list[Patch]: One for each class that is there, in their order.
    """
    table = colours(meta) / 255
    return [Patch(facecolor=table[k], edgecolor='0.5', label=name)
            for k, name in enumerate(meta['classes']) if (labels == k).any()]


def legend(figure: Figure, patches: List[Patch]) -> None:
    """Put a legend below the panels."""
    figure.legend(handles=patches, loc='outside lower center',
                  ncol=min(len(patches), 8), frameon=False, fontsize=8)


def show(panel: Axes, image: np.ndarray, title: str = '') -> None:
    """Draw pixels as they are, without axes.

    Args:
        panel (Axes): Where.
        image (np.ndarray): uint8, RGB, (H, W, 3).
        title (str): Above it.
    """
    panel.imshow(image, interpolation='nearest')
    panel.set_title(title, fontsize=9)
    panel.axis('off')


def save(figure: Figure, path: Path) -> None:
    """Write a picture; photographs look alike in JPEG and take less."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {} if path.suffix == '.png' else dict(quality=90)
    figure.savefig(path, dpi=100, pil_kwargs=options)
