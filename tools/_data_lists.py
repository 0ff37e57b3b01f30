"""Lists against themselves and each other, by path and by content."""

import os.path as osp
from collections import Counter, defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Set, Tuple

from _data_files import Facts
from _data_findings import ERROR, NOTE, WARNING, Finding, plural
from _data_parts import LABELED, TEST, UNLABELED, VAL, Part
from mmengine.config import Config

from mmseg_pseudoseg.datasets.image_labels import image_id

IMAGE_SUFFIXES = {'.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp'}


class Sheet(NamedTuple):
    """A part with the facts of its entries.

    Attributes:
        part (Part): The part.
        facts (list[Facts]): In the order of its list.
    """

    part: Part
    facts: List[Facts]

    @property
    def paths(self) -> List[str]:
        """The images, their folders as plain as a path can be."""
        plain = lru_cache(maxsize=None)(osp.realpath)
        return [osp.join(plain(osp.dirname(path)), osp.basename(path))
                for path in (info['img_path'] for info in self.part.infos)]


def repeated(sheet: Sheet) -> Tuple[List[int], List[Tuple[int, int]]]:
    """Entries that a list has already.

    Returns:
        tuple: Indices of images listed again; pairs of an index with that of
        the other file of the same pixels, which stands before it.
    """
    paths: Dict[str, int] = {}
    contents: Dict[str, int] = {}
    again, same = [], []
    for i, (path, facts) in enumerate(zip(sheet.paths, sheet.facts)):
        if path in paths:
            again.append(i)
            continue
        paths[path] = i
        if facts.digest and contents.setdefault(facts.digest, i) != i:
            same.append((i, contents[facts.digest]))
    return again, same


def list_findings(sheet: Sheet) -> List[Finding]:
    """Images that a list has twice."""
    part, files = sheet.part, [i['img_path'] for i in sheet.part.infos]
    again, same = repeated(sheet)
    result = []
    if again:
        result.append(Finding(
            WARNING, part.key, f'{plural(len(again), "image")} listed twice '
            '(such an image counts twice)', f'remove the lines from '
            f'{part.dataset.ann_file}; --fix-lists does it',
            tuple(files[i] for i in again)))
    if same:
        result.append(Finding(
            NOTE if part.role == UNLABELED else WARNING, part.key,
            f'{plural(len(same), "file")} with the pixels of another one',
            'keep one of each pair; --fix-lists keeps the first',
            tuple(f'{files[i]} = {files[k]}' for i, k in same)))
    torn = [(i, k) for i, k in same if sheet.facts[i].mask_digest !=
            sheet.facts[k].mask_digest and sheet.facts[i].mask_digest]
    if torn:
        result.append(Finding(
            WARNING, part.key, f'{plural(len(torn), "picture")} with two '
            'masks that contradict each other', 'keep the right one',
            tuple(f'{files[i]} and {files[k]}' for i, k in torn)))
    return result


def id_findings(part: Part, tagged: bool) -> List[Finding]:
    """Ids that two images of a tagged list share."""
    ids = Counter(image_id(path) for path in
                  {info['img_path'] for info in part.infos})
    double = [name for name, number in ids.items() if number > 1]
    if not tagged or not double:
        return []
    return [Finding(
        ERROR, part.key, f'{plural(len(double), "id")} of two images each: '
        'the tag file has one line an id, and one of the images would get '
        'no tag', 'rename the files (an id is the name without folder and '
        'suffix)', tuple(double))]


def folder_findings(part: Part) -> List[Finding]:
    """Files of a folder that is read without a list, left aside."""
    if part.dataset.ann_file:
        return []
    folder, suffix = Path(part.prefix()), part.dataset.img_suffix
    other = sorted(str(p) for p in folder.rglob('*')
                   if p.suffix.lower() in IMAGE_SUFFIXES
                   and not p.name.endswith(suffix))
    masks = {info.get('seg_map_path') for info in part.infos}
    result = []
    if other and not masks & set(other):
        result.append(Finding(
            WARNING, part.key, f'{plural(len(other), "image")} in {folder} '
            f'not read: img_suffix is {suffix!r}', 'convert or rename them, '
            f'or set {part.key}.img_suffix', tuple(other)))
    if part.reads_masks and part.role != UNLABELED:
        ending = part.dataset.seg_map_suffix
        spare = sorted(str(p) for p in Path(
            part.prefix('seg_map_path')).rglob(f'*{ending}')
            if str(p) not in masks)
        if spare:
            result.append(Finding(
                WARNING, part.key, f'{plural(len(spare), "mask")} without '
                'an image', f'add the images to {folder}, with the suffix '
                f'{suffix!r}', tuple(spare)))
    return result


def shared(one: Sheet, other: Sheet) -> List[int]:
    """Indices of ``one`` whose file or pixels ``other`` has, too."""
    paths = set(other.paths)
    digests = {facts.digest for facts in other.facts} - {''}
    return [i for i, (path, facts) in enumerate(zip(one.paths, one.facts))
            if path in paths or facts.digest in digests]


def is_taught(cfg: Config, sheets: Sequence[Sheet]) -> bool:
    """Whether unlabelled images come with tags or masks of some kind."""
    return bool(cfg.train_dataloader.dataset.get('tag_file')) or any(
        s.part.role == UNLABELED and s.part.reads_masks for s in sheets)


def overlaps(sheets: Sequence[Sheet],
             taught: bool) -> List[Tuple[Sheet, List[int], Finding]]:
    """Images that two parts share.

    Labelled images among the unlabelled ones are the authors' protocol: a
    note. Test images among the labelled ones, or among unlabelled ones that
    bring labels of some kind, make the result worthless: an error. Without
    any label they make it a transductive one: a warning.

    Args:
        sheets (Sequence[Sheet]): All parts.
        taught (bool): Whether unlabelled images come with tags or masks.

    Returns:
        list[tuple[Sheet, list[int], Finding]]: The training part, indices of
        its images, and what to say of them.
    """
    result = []
    for one in sheets:
        for other in sheets:
            roles = one.part.role, other.part.role
            trained = roles[0] in (LABELED, UNLABELED)
            if not (trained and roles[1] in (VAL, TEST)
                    or roles == (UNLABELED, LABELED)):
                continue
            indices = shared(one, other)
            if indices:
                result.append((one, indices, overlap(
                    one, other, indices, taught)))
    return result


def overlap(one: Sheet, other: Sheet, indices: Sequence[int],
            taught: bool) -> Finding:
    """What it means that ``one`` shares images with ``other``."""
    paths: Set[str] = set(other.paths)
    own = one.paths
    twins = defaultdict(list)
    for info, facts in zip(other.part.infos, other.facts):
        twins[facts.digest].append(info['img_path'])
    files = []
    for i in indices:
        path = one.part.infos[i]['img_path']
        known = own[i] in paths
        files.append(path if known else
                     f'{path} = {twins[one.facts[i].digest][0]}')
    level, why, remedy = ERROR, 'the result would be that of training data', \
        'take them out of the training list; --fix-lists does it'
    if other.part.role == LABELED:
        level, remedy = NOTE, ''
        why = 'as in the authors\' lists; nothing is to be done'
    elif one.part.role == UNLABELED and not taught:
        level = WARNING
        why = 'no label is seen, but the result is transductive'
        remedy += ', or say so beside the number'
    return Finding(level, one.part.key, f'{plural(len(indices), "image")} '
                   f'also in {other.part.key}: {why}', remedy, tuple(files))
