"""Reading and writing the files of a split."""

import os
import sys
from functools import partial
from pathlib import Path
from typing import Dict, List, Sequence

import numpy as np
import split_rules as rules
from mmengine.utils import track_parallel_progress
from PIL import Image
from split_rules import SplitError

LISTS = Path('ImageSets', 'Segmentation')


def read_list(path: Path) -> List[str]:
    """The lines of a file, without blanks around them and empty lines."""
    if not path.is_file():
        raise SplitError(f'{path}: no such file')
    lines = (line.strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def read_root_list(root: Path, name: str) -> List[str]:
    """A list of the data set, checked for duplicates."""
    ids = read_list(root / LISTS / f'{name}.txt')
    rules.check_unique(ids, f'{name}.txt')
    return ids


def check_files(ids: Sequence[str], where: str, folder: Path,
                suffix: str) -> None:
    """Refuse a list that names an image without a file."""
    missing = [i for i in ids if not (folder / f'{i}{suffix}').is_file()]
    if missing:
        raise SplitError(
            f'{where}: {len(missing)} of {len(ids)} files are missing, the '
            f'first is {folder / missing[0]}{suffix}')


def mask_values(image: str, folder: Path) -> List[int]:
    """The values that occur in the mask of an image."""
    path = folder / f'{image}.png'
    try:
        with Image.open(path) as file:
            mask = np.asarray(file)
    except (OSError, SyntaxError) as error:
        raise SplitError(f'{path}: cannot be read ({error})') from error
    if mask.ndim != 2:
        raise SplitError(f'{path}: is a colour image; a mask has one channel '
                         'of class ids')
    return np.unique(mask).tolist()


def read_presence(ids: Sequence[str], folder: Path,
                  num_classes: int) -> Dict[str, np.ndarray]:
    """Which foreground classes each image shows; see ``rules.presence``."""
    values = track_parallel_progress(
        partial(mask_values, folder=folder),
        ids,
        nproc=min(os.cpu_count() or 1, 8),
        chunksize=8,
        file=sys.stderr)
    print(file=sys.stderr)
    return rules.presence(dict(zip(ids, values, strict=True)), num_classes)


def read_published(source: Path) -> Dict[str, List[str]]:
    """The authors' lists below ``source``, each verified; absent ones told."""
    lists, damaged = {}, []
    for name, published in rules.PUBLISHED.items():
        paths = [
            source / 'data_splits/pascal_voc_seg' / f'{published.name}.txt',
            source / f'{name}.txt'
        ]
        found = [path for path in paths if path.is_file()]
        if not found:
            print(f'{name}: absent, skipped (neither {paths[0]} nor '
                  f'{paths[1]})')
            continue
        lists[name] = read_list(found[0])
        try:
            rules.check_published(lists[name], name, str(found[0]))
        except SplitError as error:
            damaged.append(str(error))
    if damaged:
        raise SplitError('\n'.join([*damaged, 'Nothing was written.']))
    if not lists:
        raise SplitError(f'--source {source}: holds none of the lists')
    return lists


def write_lists(root: Path, splits: Dict[str, Dict[str, List[str]]],
                force: bool) -> None:
    """Say what will be written, then write it, all or nothing.

    Args:
        root (Path): The data set.
        splits (dict[str, dict[str, list[str]]]): Name -> part -> ids.
        force (bool): Whether to overwrite other lists.

    Raises:
        SplitError: If another list is there.
    """
    texts, different = {}, []
    print('to write:')
    for name, parts in splits.items():
        for part, ids in parts.items():
            path = root / LISTS / 'pseudoseg' / name / f'{part}.txt'
            text = ''.join(f'{image}\n' for image in ids)
            state = 'new'
            if path.is_file():
                same = path.read_text() == text
                state = 'unchanged' if same else 'replaces another list'
            if state != 'unchanged':
                texts[path] = text
            if state == 'replaces another list':
                different.append(path)
            print(f'  {path}: {len(ids)} images, {state}')
    if different and not force:
        raise SplitError(f'{different[0]} holds another list; nothing was '
                         'written. --force overwrites it')
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    print(f'wrote {len(texts)} files' if texts else
          'nothing to do: the files hold these lists already')
