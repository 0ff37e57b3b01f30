"""Scenes for the demo: handwritten digits on photographs, with masks.

Everything real comes with scikit-learn: 1,797 digits that people wrote, and
two photographs. A scene is a crop of a photograph with one to three digits on
it. Labelled, unlabelled and validation scenes share no digit, and their crops
come from different parts of the photographs.
"""

from pathlib import Path
from typing import Dict, List, Tuple

import cv2
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

DIGITS = (0, 1, 4, 7)
CLASSES = ('background', 'zero', 'one', 'four', 'seven')
PALETTE = [[0, 0, 0], [230, 80, 60], [70, 140, 230], [240, 180, 40],
           [170, 90, 200]]
SIZE = 112
COUNTS = dict(labeled=20, unlabeled=600, val=150)
# Share of the digits, and band of the photographs' width, of each list.
DIGIT_SHARE = dict(labeled=(0, 0.1), unlabeled=(0.1, 0.7), val=(0.7, 1))
BAND = dict(labeled=(0, 0.7), unlabeled=(0, 0.7), val=(0.7, 1))


def glyph(image: np.ndarray, side: int,
          rng: np.random.Generator) -> np.ndarray:
    """One digit at another size and angle.

    Args:
        image (np.ndarray): Grey values 0..16, (8, 8).
        side (int): Side of the result in pixels.
        rng (np.random.Generator): Source of the angle.

    Returns:
        np.ndarray: Ink in [0, 1], float32, (side, side).
    """
    ink = cv2.resize(image.astype(np.float32) / 16, (side, side),
                     interpolation=cv2.INTER_CUBIC)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2),
                                   float(rng.uniform(-15, 15)), 1)
    ink = cv2.warpAffine(ink, turn, (side, side))
    return np.clip(cv2.GaussianBlur(ink, (0, 0), side / 40), 0, 1)


def background(photos: List[np.ndarray], band: Tuple[float, float],
               rng: np.random.Generator) -> np.ndarray:
    """A crop of a photograph's band of columns, uint8, (SIZE, SIZE, 3)."""
    photo = photos[rng.integers(len(photos))]
    height, width = photo.shape[:2]
    left, right = (int(edge * width) for edge in band)
    side = int(rng.integers(SIZE, min(height, right - left)))
    y = int(rng.integers(height - side + 1))
    x = int(rng.integers(left, right - side + 1))
    crop = cv2.resize(photo[y:y + side, x:x + side], (SIZE, SIZE))
    return crop[:, ::-1].copy() if rng.random() < 0.5 else crop


def scene(digits: Dict[int, np.ndarray], photos: List[np.ndarray],
          band: Tuple[float, float],
          rng: np.random.Generator) -> Tuple[np.ndarray, np.ndarray]:
    """One image and its mask.

    Args:
        digits (dict[int, np.ndarray]): Class id -> digits of it, (K, 8, 8).
        photos (list[np.ndarray]): RGB photographs.
        band (tuple[float, float]): Columns to crop from, as shares.
        rng (np.random.Generator): Source of everything random.

    Returns:
        tuple: RGB image uint8 (SIZE, SIZE, 3), class ids uint8 (SIZE, SIZE).
    """
    img = background(photos, band, rng).astype(np.float32)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    for _ in range(rng.integers(1, 3)):
        label = int(rng.integers(1, len(CLASSES)))
        side = int(rng.integers(52, 84))
        kind = digits[label]
        ink = glyph(kind[rng.integers(len(kind))], side, rng)
        y, x = rng.integers(SIZE - side + 1, size=2)
        here = slice(y, y + side), slice(x, x + side)
        if mask[here].any():
            continue
        # Lighter or darker than what is behind it, in any tint.
        behind = img[here].mean()
        colour = rng.uniform(0, 90, 3) + (165 if behind < 128 else 0)
        img[here] += (colour.astype(np.float32) - img[here]) * ink[..., None]
        mask[here][ink > 0.35] = label
    img += rng.normal(0, 6, img.shape)
    return np.clip(img, 0, 255).astype(np.uint8), mask


def make_data(root: Path, counts: Dict[str, int], seed: int = 0) -> None:
    """Write the data set in VOC's layout.

    Unlabelled scenes have no mask file; their image-level labels stand in
    ``tags.txt``. The same arguments write the same files.

    Args:
        root (Path): Folder to write to.
        counts (dict[str, int]): Scenes of ``labeled``, ``unlabeled``, ``val``.
        seed (int): Seed of the scenes.
    """
    data = load_digits()
    photos = list(load_sample_images().images)
    for name in ('JPEGImages', 'SegmentationClass', 'ImageSets'):
        (root / name).mkdir(parents=True, exist_ok=True)
    tags = []
    for k, (part, count) in enumerate(counts.items()):
        rng = np.random.default_rng((seed, k))
        digits = {}
        for label, digit in enumerate(DIGITS, 1):
            kind = data.images[data.target == digit]
            first, last = (int(s * len(kind)) for s in DIGIT_SHARE[part])
            digits[label] = kind[first:last]
        ids = [f'{part}_{i:04d}' for i in range(count)]
        for name in ids:
            img, mask = scene(digits, photos, BAND[part], rng)
            Image.fromarray(img).save(
                root / 'JPEGImages' / f'{name}.jpg', quality=95)
            if part == 'unlabeled':
                shown = [CLASSES[c] for c in np.unique(mask) if c]
                tags.append(' '.join([name, *shown]))
            else:
                Image.fromarray(mask).save(
                    root / 'SegmentationClass' / f'{name}.png')
        (root / 'ImageSets' / f'{part}.txt').write_text('\n'.join(ids) + '\n')
    (root / 'ImageSets' / 'tags.txt').write_text('\n'.join(tags) + '\n')
