"""The data sets that a config reads, each with its list and its loaders."""

import os.path as osp
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from _data_findings import ERROR, Finding
from mmcv.transforms import LoadAnnotations
from mmengine.config import Config, ConfigDict
from mmengine.dataset import BaseDataset
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_pseudoseg.datasets import SemiDataset
from mmseg_pseudoseg.datasets.lists import BOM, check_list, read_text
from mmseg_pseudoseg.datasets.parts import no_image, reason, refusal

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
        unclean (bool): Whether its list holds more than names of images.
    """

    keys: List[str]
    role: str
    cfg: ConfigDict
    dataset: BaseDataset
    infos: List[dict]
    unclean: bool = False

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


def kind_of(node: ConfigDict) -> type:
    """The class of a data set; ``object`` if it is unknown."""
    kind = DATASETS.get(node['type']) if isinstance(
        node['type'], str) else node['type']
    return kind if isinstance(kind, type) else object


def leaves(node: Any, key: str,
           role: str) -> Iterator[Tuple[str, str, ConfigDict]]:
    """Key, role and config of each data set below the wrappers."""
    if isinstance(node, (list, tuple)):
        for i, item in enumerate(node):
            yield from leaves(item, f'{key}.{i}', role)
        return
    if issubclass(kind_of(node), SemiDataset):
        for part in (LABELED, UNLABELED):
            if part in node:
                yield from leaves(node[part], f'{key}.{part}', part)
    elif 'datasets' in node:
        yield from leaves(node['datasets'], f'{key}.datasets', role)
    elif 'dataset' in node:
        yield from leaves(node['dataset'], f'{key}.dataset', role)
    else:
        yield key, role, node


def read_list(key: str, dataset: BaseDataset,
              infos: List[dict]) -> Tuple[List[dict], List[Finding]]:
    """The entries of a list as they are meant, and what is wrong with it.

    Args:
        key (str): Of the data set in the config.
        dataset (BaseDataset): Without images, or with these.
        infos (list[dict]): As the stock data set reads them: a byte order
            mark in the first name, an empty name for an empty line.

    Returns:
        tuple[list[dict], list[Finding]]: Without those; an error in the words
        of training, which reads the list as it is.
    """
    if not isinstance(dataset, BaseSegDataset) or not osp.isfile(
            dataset.ann_file):
        return infos, []
    try:
        check_list(dataset.ann_file)
        return infos, []
    except ValueError as error:
        finding = Finding(ERROR, key, f'the list cannot be used: {error}',
                          'correct the line; the list must be plain text in '
                          'UTF-8, one image a line')
    empty = osp.join(dataset.data_prefix.get('img_path') or '',
                     dataset.img_suffix)
    return [{name: value.replace(BOM, '') if isinstance(value, str) else value
             for name, value in info.items()} for info in infos
            if info['img_path'] != empty], [finding]


def build_part(key: str, role: str,
               cfg: ConfigDict) -> Tuple[Optional[Part], List[Finding]]:
    """Build a data set and read its list.

    Args:
        key (str): Where it stands in the config.
        role (str): What it is for.
        cfg (ConfigDict): Its config.

    Returns:
        tuple[Part | None, list[Finding]]: None if it cannot be built or is
        empty; what is wrong with it.
    """
    try:
        path = osp.join(cfg.get('data_root') or '', cfg.get('ann_file') or '')
        if issubclass(kind_of(cfg), BaseSegDataset) and osp.isfile(path):
            read_text(path)  # else the stock reader fails without its name
        dataset = DATASETS.build(dict(
            cfg, pipeline=[], serialize_data=False))
        infos, findings = read_list(key, dataset, dataset.data_list)
    except Exception as error:  # whatever a data set of any kind raises
        return None, [Finding(
            ERROR, key, f'the data set cannot be read: {reason(cfg, error)}',
            f'set {key}.data_root, .ann_file, .data_prefix and .metainfo so '
            'that they fit the files' if not isinstance(error, ValueError)
            else '')]
    if not infos:
        return None, [*findings, Finding(
            ERROR, key, f'no image: {no_image(dataset, key)}')]
    return Part([key], role, cfg, dataset, infos, bool(findings)), findings


def refusals(node: Any, key: str, inside: bool = False) -> List[Finding]:
    """Wrappers that cannot be parts of a ``SemiDataset``.

    Args:
        node (Any): A data set or a list of them.
        key (str): Of it in the config.
        inside (bool): Whether it is below a ``SemiDataset``.
    """
    if isinstance(node, (list, tuple)):
        return [finding for i, one in enumerate(node)
                for finding in refusals(one, f'{key}.{i}', inside)]
    text = refusal(key, node['type']) if inside else ''
    if text:
        return [Finding(ERROR, f'{key}.type', text)]
    inside = inside or issubclass(kind_of(node), SemiDataset)
    return [finding for name in (LABELED, UNLABELED, 'datasets')
            if name in node
            for finding in refusals(node[name], f'{key}.{name}', inside)]


def read_parts(cfg: Config, sections: Sequence[str] = tuple(SECTIONS)
               ) -> Tuple[List[Part], List[Finding]]:
    """All data sets of a config.

    Args:
        cfg (Config): With some of ``train_dataloader``, ``val_dataloader``
            and ``test_dataloader``.
        sections (Sequence[str]): Which of these to read.

    Returns:
        tuple[list[Part], list[Finding]]: A test set that is the validation
        set once, with both keys; what could not be built.
    """
    parts: List[Part] = []
    findings: List[Finding] = []
    failed: List[ConfigDict] = []
    for section in sections:
        if not cfg.get(section):
            continue
        key, role = f'{section}.dataset', SECTIONS[section]
        findings += refusals(cfg[section].dataset, key)
        for leaf, kind, node in leaves(cfg[section].dataset, key, role):
            twins = [p for p in parts if p.cfg == node
                     and (p.role, kind) == (VAL, TEST)]
            if twins:
                twins[0].keys.append(leaf)
            elif node not in failed:
                part, faults = build_part(leaf, kind, node)
                findings += faults
                if part is None:
                    failed.append(node)
                else:
                    parts.append(part)
    return parts, findings
