"""Data that are there for their number: a few images under many names."""

import inspect
import os
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import cv2
import numpy as np
from _networks import heads
from mmengine.config import Config, ConfigDict
from mmseg.registry import DATASETS

# Height and width of the images.
SHAPES = dict(CityscapesDataset=(1024, 2048), COCO81Dataset=(480, 640))
SHAPE = (375, 500)  # VOC
FILES = 8
LINKS = 20000  # of a file; some file systems stop at 65,000


def suffixes(dataset: ConfigDict) -> Tuple[str, str]:
    """The endings of a data set's images and masks.

    Args:
        dataset (ConfigDict): Of a stock ``BaseSegDataset``, or one like it.

    Returns:
        tuple[str, str]: Of its keys, else of its class.
    """
    known = inspect.signature(DATASETS.get(dataset.type)).parameters
    image, mask = (
        dataset.get(key, known[key].default if key in known else default)
        for key, default in (('img_suffix', '.jpg'),
                             ('seg_map_suffix', '.png')))
    return image, mask


def reads_masks(pipeline: Sequence[dict]) -> bool:
    """Whether a pipeline decodes masks."""
    return any(step['type'] == 'LoadAnnotations' for step in pipeline)


def write_images(folder: Path, suffix: str, shape: Sequence[int],
                 number: int) -> List[Path]:
    """Write smooth noise, which compresses about as photographs do.

    Args:
        folder (Path): Made if it is missing.
        suffix (str): Ending of the files, their format.
        shape (Sequence[int]): Height and width.
        number (int): How many.

    Returns:
        list[Path]: The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    paths = [folder / f'{k}{suffix}' for k in range(number)]
    for path in paths:
        small = rng.integers(0, 256, (shape[0] // 8, shape[1] // 8, 3),
                             np.uint8)
        cv2.imwrite(str(path), cv2.resize(small, shape[::-1]))
    return paths


def write_masks(folder: Path, suffix: str, shape: Sequence[int],
                num_classes: int, number: int) -> List[Path]:
    """Write masks of blocks, each of any class."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    paths = [folder / f'{k}{suffix}' for k in range(number)]
    for path in paths:
        small = rng.integers(0, num_classes, (shape[0] // 32, shape[1] // 32),
                             np.uint8)
        cv2.imwrite(str(path), cv2.resize(
            small, shape[::-1], interpolation=cv2.INTER_NEAREST))
    return paths


def link(files: Sequence[Path], folder: Path, ids: Sequence[str],
         suffix: str) -> None:
    """Give files many names, each file in turn.

    Args:
        files (Sequence[Path]): On the same file system.
        folder (Path): Made if it is missing.
        ids (Sequence[str]): Names without their ending.
        suffix (str): The ending.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for k, name in enumerate(ids):
        os.link(files[k % len(files)], folder / f'{name}{suffix}')


def write_part(root: Path, name: str, dataset: ConfigDict, number: int,
               num_classes: int, shape: Sequence[int] = ()) -> None:
    """Write the list, images and masks that a data set of a config wants.

    Args:
        root (Path): Becomes its ``data_root``.
        name (str): Of the part; ids begin with it.
        dataset (ConfigDict): A ``dataset`` of a config.
        number (int): Of ids.
        num_classes (int): C.
        shape (Sequence[int]): Height and width; that of the data set, if it
            is left out.
    """
    shape = shape or SHAPES.get(dataset.type, SHAPE)
    ids = [f'{name}_{k:06d}' for k in range(number)]
    prefix = dataset.data_prefix
    kinds = [(write_images, prefix.img_path, 0, ())]
    if reads_masks(dataset.pipeline):
        kinds.append((write_masks, prefix.seg_map_path, 1, (num_classes,)))
    for write, folder, kind, more in kinds:
        suffix = suffixes(dataset)[kind]
        files = write(root / 'files' / name / str(kind),
                      Path(f'x{suffix}').suffix, shape, *more,
                      FILES + number // LINKS)
        link(files, root / folder, ids, suffix)
    if dataset.get('ann_file'):
        path = root / dataset.ann_file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('\n'.join(ids) + '\n')


def write_data(root: Path, cfg: Config, numbers: Dict[str, int],
               shape: Sequence[int] = ()) -> Dict[str, Any]:
    """Write data for a semi-supervised config.

    Args:
        root (Path): A new folder.
        cfg (Config): The config.
        numbers (dict[str, int]): Ids of ``labeled``, ``unlabeled``, ``val``.
        shape (Sequence[int]): As in :func:`write_part`.

    Returns:
        dict: Keys of the config that lead to the data.
    """
    classes = heads(cfg.model)[-1].num_classes
    options = {}
    for name, number in numbers.items():
        key = ('val_dataloader.dataset' if name == 'val' else
               f'train_dataloader.dataset.{name}')
        dataset = cfg.val_dataloader.dataset if name == 'val' else (
            cfg.train_dataloader.dataset[name])
        write_part(root, name, dataset, number, classes, shape)
        options[f'{key}.data_root'] = str(root)
    return options
