"""Shared toys: a tiny data set in VOC's layout, and the real slice."""

import os
from pathlib import Path
from typing import Dict, List

import mmcv
import numpy as np
import pytest
import torch
from PIL import Image

import mmseg_pseudoseg  # noqa: F401  (registers the modules)

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get('PSEUDOSEG_SHARED', ROOT.parent / 'shared'))


@pytest.fixture(autouse=True, scope='session')
def _one_thread() -> None:
    """Tiny networks are slower on several threads."""
    torch.set_num_threads(1)


@pytest.fixture()
def shared() -> Path:
    """Real photographs and published lists, where they are at hand."""
    if not (SHARED / 'data' / 'voc_animals').is_dir():
        pytest.skip(f'no real data at {SHARED} (set PSEUDOSEG_SHARED)')
    return SHARED


def write_voc(root: Path, lists: Dict[str, List[str]], num_classes: int = 21,
              size: int = 48, folder: str = 'SegmentationClass') -> None:
    """Write images with coloured boxes, their masks and their lists.

    Image k shows classes 1 + k % (C-1) and 1 + (k+1) % (C-1), a few pixels of
    ignore (255) between them, and background.

    Args:
        root (Path): Folder in VOC's layout; made if it is missing.
        lists (dict[str, list[str]]): Name of a list -> ids.
        num_classes (int): C.
        size (int): Height; the width is 4/3 of it.
        folder (str): Name of the folder of masks.
    """
    for name in ('JPEGImages', folder, 'ImageSets/Segmentation'):
        (root / name).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    ids = list(dict.fromkeys(i for names in lists.values() for i in names))
    for k, name in enumerate(ids):
        height, width = size, size * 4 // 3
        mask = np.zeros((height, width), np.uint8)
        mask[4:height // 2, 4:width // 2] = 1 + k % (num_classes - 1)
        mask[height // 2 + 2:, width // 2:] = 1 + (k + 1) % (num_classes - 1)
        mask[height // 2:height // 2 + 2, 4:] = 255
        img = rng.integers(0, 60, (height, width, 3))
        img = img + (mask[..., None] * np.array([37, 91, 151])) % 190
        mmcv.imwrite(img.astype(np.uint8),
                     str(root / 'JPEGImages' / f'{name}.jpg'))
        Image.fromarray(mask).save(root / folder / f'{name}.png')
    for name, members in lists.items():
        path = root / 'ImageSets' / 'Segmentation' / f'{name}.txt'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('\n'.join(members) + '\n')


VOC_LISTS = {
    'train': [f'2007_{i:06d}' for i in range(12)],
    'trainaug': [f'2007_{i:06d}' for i in range(20)],
    'val': [f'2008_{i:06d}' for i in range(4)],
    'pseudoseg/1_8/labeled': [f'2007_{i:06d}' for i in range(4)],
    'pseudoseg/1_8/unlabeled': [f'2007_{i:06d}' for i in range(20)],
}


@pytest.fixture()
def voc_root(tmp_path: Path) -> Path:
    """A 21-class VOC of 24 images; see :data:`VOC_LISTS`."""
    root = tmp_path / 'VOC2012'
    write_voc(root, VOC_LISTS)
    write_voc(root, VOC_LISTS, folder='SegmentationClassAug')
    return root
