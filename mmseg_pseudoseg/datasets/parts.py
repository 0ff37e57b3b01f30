"""The data sets that are parts of another, and why one cannot be read."""

import os.path as osp
from bisect import bisect_right
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Tuple, Union

from mmengine.dataset import BaseDataset, ConcatDataset
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from .lists import check_list

Part = Union[BaseDataset, ConcatDataset]
PAGES = 'docs/data.md (VOC, COCO, Cityscapes), docs/own_data.md'
WRAPPERS = dict(
    RepeatDataset='the batch sampler goes through each part again and again '
    'by itself: put the data set inside in its place',
    ClassBalancedDataset='the batch sampler draws each image of a part '
    'equally often: put the data set inside in its place, and list rare '
    'images twice in its ann_file',
    MultiImageMixDataset='mixed images (Mosaic) have no views and no file: '
    'put the data set inside in its place, with its own pipeline')


def refusal(key: str, kind: Any) -> str:
    """Why a type cannot be a part of a ``SemiDataset``.

    Args:
        key (str): Of the part in the config.
        kind (Any): Its class, or the name of it.

    Returns:
        str: Cause and remedy; empty where the type is fine.
    """
    found = DATASETS.get(kind) if isinstance(kind, str) else kind
    if not isinstance(found, type) or issubclass(
            found, (BaseDataset, ConcatDataset)):
        return ''
    remedy = WRAPPERS.get(found.__name__, 'put a BaseSegDataset, or a '
                          'ConcatDataset of them, in its place')
    return (f'{key}.type={found.__name__} cannot be a part of SemiDataset: '
            f'{remedy}')


def places(cfg: Dict[str, Any]) -> List[str]:
    """Files and folders that a data set needs and that are not there.

    Args:
        cfg (dict): Its config.

    Returns:
        list[str]: Paths; the data_root first.
    """
    root = cfg.get('data_root') or ''
    names = [cfg.get('ann_file'),
             (cfg.get('data_prefix') or {}).get('img_path')]
    wanted = [root, *(osp.join(root, name) for name in names if name)]
    return [path for path in wanted
            if path and '://' not in path and not osp.exists(path)]


def reason(cfg: Dict[str, Any], error: Exception) -> str:
    """Why a data set cannot be built; stock asserts say nothing.

    Args:
        cfg (dict): Of the data set.
        error (Exception): What was raised.

    Returns:
        str: Names what is missing, and the page that says how to get it.
    """
    missing = places(cfg)
    if missing:
        return (f'{" and ".join(missing)}: no such file or folder; '
                f'how the data must lie: {PAGES}')
    text = str(error).strip() or 'no message'
    if isinstance(error, ValueError):
        return text
    return f'{type(error).__name__}: {text.splitlines()[0]}'


def no_image(dataset: BaseDataset, key: str) -> str:
    """Why a data set is empty.

    Args:
        dataset (BaseDataset): Without images.
        key (str): Of it in the config.

    Returns:
        str: What its list or folder holds, and the key to change.
    """
    if dataset.ann_file and osp.isfile(dataset.ann_file):
        return f'{dataset.ann_file} is empty; fill it'
    folder = Path(dataset.data_prefix.get('img_path') or '.')
    suffix = getattr(dataset, 'img_suffix', '')
    if not folder.is_dir():
        return f'the folder {folder} is missing; correct {key}.data_prefix'
    there = Counter(path.suffix for path in folder.rglob('*')
                    if path.is_file())
    if not there:
        return f'the folder {folder} is empty; correct {key}.data_prefix'
    shown = ', '.join(f'{number} {name or "without suffix"}'
                      for name, number in there.most_common(3))
    return (f'no file in {folder} ends with {suffix!r} (there are {shown}); '
            f'set {key}.img_suffix={there.most_common(1)[0][0]!r}')


def build_part(key: str, part: Union[dict, Part]) -> Part:
    """Build a part whose lists have images, all of them in their folders.

    Args:
        key (str): Of the part in the config.
        part (dict | BaseDataset | ConcatDataset): Data set or its config.

    Returns:
        BaseDataset | ConcatDataset: Not yet initialized, if it was a config.

    Raises:
        ValueError: Naming the key, the cause and the remedy.
    """
    refused = refusal(key, part['type'] if isinstance(part, dict)
                      else type(part))
    if refused:
        raise ValueError(refused)
    if isinstance(part, dict):
        part = build_config(key, part)
    for leaf, name in zip(leaves(part), leaf_keys(part, key)):
        if not count(leaf, name):
            raise ValueError(f'{name} has no image: {no_image(leaf, name)}')
    return part


def build_config(key: str, cfg: dict) -> Part:
    """A part from its config, those in a ``ConcatDataset`` one by one."""
    kind = DATASETS.get(cfg['type']) if isinstance(
        cfg['type'], str) else cfg['type']
    cfg = dict(cfg, lazy_init=True)
    if issubclass(kind, ConcatDataset):
        cfg['datasets'] = [
            leaf for i, one in enumerate(cfg.get('datasets') or [])
            for leaf in leaves(build_part(f'{key}.datasets.{i}', one))]
        if not cfg['datasets']:
            raise ValueError(f'{key}.datasets is empty; list data sets in it')
    try:
        return DATASETS.build(cfg)
    except (AssertionError, OSError) as error:
        raise ValueError(f'{key}: the data set cannot be read: '
                         f'{reason(cfg, error)}') from error
    except (TypeError, ValueError) as error:
        if 'meta information' not in str(error):
            raise
        raise ValueError(
            f'{key}: its data sets have different metainfo; give all of them '
            'the same classes, palette and reduce_zero_label') from error


def for_concat(part: Part) -> Union[dict, BaseDataset]:
    """A part as ``ConcatDataset`` takes it: no other one that is built.

    Args:
        part (BaseDataset | ConcatDataset): A part.

    Returns:
        dict | BaseDataset: The part, or the config of one like it.
    """
    if not isinstance(part, ConcatDataset):
        return part
    return dict(type=ConcatDataset, datasets=leaves(part), lazy_init=True,
                ignore_keys=part.ignore_keys)


def count(leaf: BaseDataset, key: str) -> int:
    """How many images a data set lists; refuses a list that is none."""
    if isinstance(leaf, BaseSegDataset) and osp.isfile(leaf.ann_file):
        return check_list(leaf.ann_file)
    try:
        return len(leaf) if leaf._fully_initialized else len(
            leaf.load_data_list())
    except (AssertionError, OSError) as error:
        cfg = dict(ann_file=leaf.ann_file, data_prefix=leaf.data_prefix)
        raise ValueError(f'{key}: the data set cannot be read: '
                         f'{reason(cfg, error)}') from error


def leaves(part: Part) -> List[BaseDataset]:
    """The data sets below a part's ``ConcatDataset``, or the part itself.

    Args:
        part (BaseDataset | ConcatDataset): A part.

    Returns:
        list[BaseDataset]: In the order of their images.
    """
    if not isinstance(part, ConcatDataset):
        return [part]
    return [leaf for one in part.datasets for leaf in leaves(one)]


def leaf_keys(part: Part, key: str) -> List[str]:
    """Where the data sets of :func:`leaves` stand in the config.

    Args:
        part (BaseDataset | ConcatDataset): A part.
        key (str): Of the part.

    Returns:
        list[str]: A key for each.
    """
    if not isinstance(part, ConcatDataset):
        return [key]
    return [name for i, one in enumerate(part.datasets)
            for name in leaf_keys(one, f'{key}.datasets.{i}')]


def find_leaf(part: Part, position: int) -> Tuple[BaseDataset, int]:
    """The data set of a sample, and the sample's place in it.

    Args:
        part (BaseDataset | ConcatDataset): A part.
        position (int): Of the sample in the part.

    Returns:
        tuple[BaseDataset, int]: Data set below all ``ConcatDataset``.
    """
    while isinstance(part, ConcatDataset):
        number = bisect_right(part.cumulative_sizes, position)
        position -= part.cumulative_sizes[number - 1] if number else 0
        part = part.datasets[number]
    return part, position
