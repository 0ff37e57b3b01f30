"""The data sets that a config reads, each with its list and its loaders."""

import os.path as osp
from typing import Any, Iterator, List, NamedTuple, Optional, Tuple, Union

from _data_findings import ERROR, Finding
from mmcv.transforms import LoadAnnotations
from mmengine.config import Config, ConfigDict
from mmengine.dataset import BaseDataset
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_pseudoseg.datasets import SemiDataset

LABELED, UNLABELED, VAL, TEST = 'labeled', 'unlabeled', 'val', 'test'
SECTIONS = dict(train_dataloader=LABELED, val_dataloader=VAL,
                test_dataloader=TEST)


class Part(NamedTuple):
    """A data set at the bottom of all wrappers.

    Attributes:
        keys (list[str]): Where it stands in the config; validation and test
            are often the same.
        role (str): ``'labeled'``, ``'unlabeled'``, ``'val'`` or ``'test'``.
        cfg (ConfigDict): What it was built from, with its pipeline.
        dataset (BaseDataset): Without a pipeline.
        infos (list[dict]): Of ``load_data_list``, after its filters.
    """

    keys: List[str]
    role: str
    cfg: ConfigDict
    dataset: BaseDataset
    infos: List[dict]

    @property
    def key(self) -> str:
        """Its first key, for messages."""
        return self.keys[0]

    @property
    def classes(self) -> Tuple[str, ...]:
        """Names of the classes; none, where the config names none."""
        return tuple(self.dataset.metainfo.get('classes') or ())

    @property
    def ignore(self) -> int:
        """The label that is no class."""
        return getattr(self.dataset, 'ignore_index', 255)

    @property
    def reads_masks(self) -> bool:
        """Whether its pipeline loads masks."""
        return find_step(self.cfg, LoadAnnotations) is not None

    def loader(self, base: type) -> Any:
        """The pipeline's own loader of images or masks, else the stock one."""
        return TRANSFORMS.build(
            find_step(self.cfg, base) or dict(type=base.__name__))

    def prefix(self, key: str = 'img_path') -> str:
        """The folder of images or of masks."""
        return self.dataset.data_prefix.get(key) or ''

    def name(self, info: dict) -> str:
        """The line of a list that gives ``info``; empty if none can."""
        path, folder = info['img_path'], osp.join(self.prefix(), '')
        suffix = getattr(self.dataset, 'img_suffix', '')
        if not path.startswith(folder) or not path.endswith(suffix):
            return ''
        return path[len(folder):len(path) - len(suffix)]


def find_step(cfg: ConfigDict, base: type) -> Optional[ConfigDict]:
    """The first step of the pipeline that extends ``base``."""
    for step in cfg.get('pipeline', []):
        kind = TRANSFORMS.get(step['type']) if isinstance(
            step['type'], str) else step['type']
        if isinstance(kind, type) and issubclass(kind, base):
            return step
    return None


def leaves(node: Any, key: str,
           role: str) -> Iterator[Tuple[str, str, ConfigDict]]:
    """Key, role and config of each data set below the wrappers."""
    if isinstance(node, (list, tuple)):
        for i, item in enumerate(node):
            yield from leaves(item, f'{key}.{i}', role)
        return
    kind = DATASETS.get(node['type']) if isinstance(
        node['type'], str) else node['type']
    if isinstance(kind, type) and issubclass(kind, SemiDataset):
        for part in (LABELED, UNLABELED):
            if part in node:
                yield from leaves(node[part], f'{key}.{part}', part)
    elif 'datasets' in node:
        yield from leaves(node['datasets'], f'{key}.datasets', role)
    elif 'dataset' in node:
        yield from leaves(node['dataset'], f'{key}.dataset', role)
    else:
        yield key, role, node


def reason(cfg: ConfigDict, error: Exception) -> str:
    """Why a data set cannot be built; stock asserts say nothing."""
    root = cfg.get('data_root') or ''
    places = [cfg.get('ann_file'), (cfg.get('data_prefix') or {}).get(
        'img_path')]
    missing = [path for path in (osp.join(root, p) for p in places if p)
               if not osp.exists(path)]
    if missing:
        return f'{" and ".join(missing)}: no such file or folder'
    text = (str(error).strip() or 'no message').splitlines()[0]
    return f'{type(error).__name__}: {text}'


def build_part(key: str, role: str, cfg: ConfigDict) -> Union[Part, Finding]:
    """Build a data set and read its list.

    Args:
        key (str): Where it stands in the config.
        role (str): What it is for.
        cfg (ConfigDict): Its config.

    Returns:
        Part | Finding: A finding if it cannot be built or is empty.
    """
    try:
        dataset = DATASETS.build(dict(
            cfg, pipeline=[], serialize_data=False))
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    except Exception as error:  # whatever a data set of any kind raises
        return Finding(
            ERROR, key, f'the data set cannot be read: {reason(cfg, error)}',
            f'set {key}.data_root, .ann_file, .data_prefix and .metainfo so '
            'that they fit the files')
    if not infos:
        place = dataset.ann_file or f'no {dataset.img_suffix} file in ' + \
            str(dataset.data_prefix.get('img_path'))
        return Finding(
            ERROR, key, f'no image: {place}',
            f'fill the list {key}.ann_file; where it is empty, '
            f'{key}.data_prefix.img_path and {key}.img_suffix decide')
    return Part([key], role, cfg, dataset, infos)


def read_parts(cfg: Config) -> Tuple[List[Part], List[Finding]]:
    """All data sets of a config.

    Args:
        cfg (Config): With some of ``train_dataloader``, ``val_dataloader``
            and ``test_dataloader``.

    Returns:
        tuple[list[Part], list[Finding]]: A test set that is the validation
        set once, with both keys; what could not be built.
    """
    parts: List[Part] = []
    findings: List[Finding] = []
    failed: List[ConfigDict] = []
    for section, role in SECTIONS.items():
        if not cfg.get(section):
            continue
        key = f'{section}.dataset'
        for leaf, kind, node in leaves(cfg[section].dataset, key, role):
            twins = [p for p in parts if p.cfg == node
                     and (p.role, kind) == (VAL, TEST)]
            if twins:
                twins[0].keys.append(leaf)
            elif node not in failed:
                made = build_part(leaf, kind, node)
                if isinstance(made, Part):
                    parts.append(made)
                else:
                    failed.append(node)
                    findings.append(made)
    return parts, findings
