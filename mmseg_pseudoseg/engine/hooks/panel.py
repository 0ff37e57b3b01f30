"""Drawing of panels: titled tiles in a row over a legend, RGB, uint8."""

from typing import Dict, List, Sequence, Tuple

import cv2
import numpy as np

TILE, BAR, GAP = 224, 20, 4
IGNORE, IGNORE_COLOUR = 255, (255, 255, 255)
FONT = cv2.FONT_HERSHEY_SIMPLEX


def colours(palette: Sequence[Sequence[int]]) -> np.ndarray:
    """A colour for every value of a mask.

    Args:
        palette (Sequence): RGB of each class.

    Returns:
        np.ndarray: uint8, (256, 3); 255 is white.
    """
    table = np.zeros((256, 3), np.uint8)
    table[:len(palette)] = palette
    table[IGNORE] = IGNORE_COLOUR
    return table


def heat(values: np.ndarray) -> np.ndarray:
    """Values in [0, 1], (H, W), as colours from black to light yellow."""
    bgr = cv2.applyColorMap(
        np.rint(values.clip(0, 1) * 255).astype(np.uint8), cv2.COLORMAP_MAGMA)
    return bgr[..., ::-1]


def fit(image: np.ndarray, flat: bool) -> np.ndarray:
    """An image whose longer side is :data:`TILE`.

    Args:
        image (np.ndarray): uint8, (H, W, 3).
        flat (bool): Whether its colours mean classes, and must not mix.
    """
    factor = TILE / max(image.shape[:2])
    height, width = (max(round(factor * n), 1) for n in image.shape[:2])
    smooth = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return cv2.resize(
        np.ascontiguousarray(image), (width, height),
        interpolation=cv2.INTER_NEAREST if flat else smooth)


def write(image: np.ndarray, text: str, left: int, bottom: int) -> None:
    """Write black text into an image."""
    cv2.putText(image, text, (left, bottom), FONT, 0.42, (0, 0, 0), 1,
                cv2.LINE_AA)


def legend(entries: Sequence[Tuple[str, Sequence[int]]],
           width: int) -> np.ndarray:
    """Squares with names, in as many lines as they need.

    Args:
        entries (Sequence): Name and RGB.
        width (int): Of the result.

    Returns:
        np.ndarray: uint8, (h, width, 3).
    """
    places: List[Tuple[int, int]] = []
    left, line = GAP, 0
    for name, _ in entries:
        length = BAR + cv2.getTextSize(name, FONT, 0.42, 1)[0][0] + 4 * GAP
        if left > GAP and left + length > width:
            left, line = GAP, line + 1
        places.append((left, line * BAR))
        left += length
    image = np.full(((line + 1) * BAR, width, 3), 255, np.uint8)
    for (name, colour), (left, top) in zip(entries, places, strict=True):
        box = image[top + GAP:top + BAR - GAP, left:left + BAR - 2 * GAP]
        box[:] = 0
        box[1:-1, 1:-1] = colour
        write(image, name, left + BAR - GAP, top + BAR - GAP - 2)
    return image


def panel(tiles: Dict[str, np.ndarray],
          entries: Sequence[Tuple[str, Sequence[int]]]) -> np.ndarray:
    """Tiles side by side, each below its title, over a legend.

    Args:
        tiles (dict[str, np.ndarray]): By title, all of one size, uint8,
            (H, W, 3).
        entries (Sequence): Name and RGB of the legend's classes.

    Returns:
        np.ndarray: uint8, (h, w, 3). Tile k begins at column
        ``GAP + k * (TILE + GAP)`` and row :data:`BAR`.
    """
    height = next(iter(tiles.values())).shape[0]
    width = GAP + len(tiles) * (TILE + GAP)
    image = np.full((BAR + height + GAP, width, 3), 255, np.uint8)
    for k, (title, tile) in enumerate(tiles.items()):
        left = GAP + k * (TILE + GAP)
        write(image, title, left, BAR - GAP - 2)
        image[BAR:BAR + height, left:left + tile.shape[1]] = tile
    return np.concatenate([image, legend(entries, width)])
