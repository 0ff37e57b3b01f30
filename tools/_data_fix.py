"""Write lists without what is broken, repeated or in two lists."""

import os.path as osp
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Set, Tuple

from _data_checks import is_broken
from _data_findings import NOTE
from _data_lists import Sheet, overlaps, repeated
from _data_parts import UNLABELED
from mmengine.config import Config

from mmseg_pseudoseg.datasets.image_labels import image_id, split_words
from mmseg_pseudoseg.datasets.lists import read_lines


class Fixed(NamedTuple):
    """A list to write.

    Attributes:
        path (Path): The new file.
        lines (list[str]): What it will hold.
        dropped (int): Entries of the old one that it lacks.
        options (list[str]): ``KEY=VALUE`` for ``--cfg-options``.
    """

    path: Path
    lines: List[str]
    dropped: int
    options: List[str]


def to_drop(sheets: Sequence[Sheet], taught: bool) -> Dict[str, Set[int]]:
    """Indices of the entries that each part loses.

    Broken ones, those listed again, files with the pixels of an earlier one,
    and training images that a validation or test list has, too.
    """
    drop = {}
    for sheet in sheets:
        again, same = repeated(sheet)
        drop[sheet.part.key] = {
            *(i for i, facts in enumerate(sheet.facts) if is_broken(facts)),
            *again, *(i for i, _ in same)}
    for sheet, indices, finding in overlaps(sheets, taught):
        if finding.level != NOTE:
            drop[sheet.part.key] |= set(indices)
    return drop


def place(sheet: Sheet) -> Path:
    """Where the cleaned list of a part goes.

    Beside the old one; beside the folder of images, where there is no list.
    """
    old = sheet.part.dataset.ann_file
    if old:
        path = Path(old)
        return path.with_name(f'{path.stem}.fixed{path.suffix or ".txt"}')
    return Path(sheet.part.prefix()).parent / f'{sheet.part.role}.fixed.txt'


def key_value(path: Path, root: str) -> str:
    """The path as the config names it: relative to ``data_root``."""
    return osp.relpath(path, root) if root else str(path)


def share_drops(sheets: Sequence[Sheet],
                drop: Dict[str, Set[int]]) -> List[List[Sheet]]:
    """Let parts of one list lose the same entries.

    Args:
        sheets (Sequence[Sheet]): All parts.
        drop (dict[str, set[int]]): Of :func:`to_drop`. What one part of a
            list drops, the others that drop anything get, too.

    Returns:
        list[list[Sheet]]: The parts that drop anything, by their new list.

    Raises:
        SystemExit: If parts with different entries would write one file.
    """
    groups: Dict[str, List[Sheet]] = {}
    for sheet in sheets:
        if drop[sheet.part.key] or sheet.part.unclean:
            groups.setdefault(osp.realpath(place(sheet)), []).append(sheet)
    for path, group in groups.items():
        one = group[0].part
        names = [one.name(info) for info in one.infos]
        indices = set().union(*(drop[sheet.part.key] for sheet in group))
        for other in (sheet.part for sheet in group):
            if [other.name(info) for info in other.infos] != names:
                raise SystemExit(
                    f'error: --fix-lists: {one.key} and {other.key} have '
                    f'different images, but both lists would be {path}; '
                    'nothing was written: give each an ann_file of its own')
            drop[other.key] = indices
    return list(groups.values())


def fix_list(sheets: Sequence[Sheet], drop: Set[int]) -> Fixed:
    """The cleaned list of parts with the same entries.

    Raises:
        SystemExit: If nothing would be left, or the entries of the data set
            are no lines of a list.
    """
    part = sheets[0].part
    kept = [info for i, info in enumerate(part.infos) if i not in drop]
    if not kept:
        raise SystemExit(
            f'error: --fix-lists: every image of {part.key} would be dropped; '
            'nothing was written: correct the files first')
    lines = [part.name(info) for info in kept]
    if not all(lines):
        raise SystemExit(
            f'error: --fix-lists: {part.cfg.type} of {part.key} does not read '
            'a list of one id a line; nothing was written: correct it by hand')
    path = place(sheets[0])
    return Fixed(path, lines, len(drop), [
        f'{key}.ann_file={key_value(path, sheet.part.dataset.data_root)}'
        for sheet in sheets for key in sheet.part.keys])


def fix_tags(cfg: Config, sheets: Sequence[Sheet],
             drop: Dict[str, Set[int]]) -> List[Fixed]:
    """The tag file without the images that the unlabelled lists lose."""
    old = cfg.train_dataloader.dataset.get('tag_file')
    parts = [sheet.part for sheet in sheets if sheet.part.role == UNLABELED]
    if not old or not any(drop[part.key] for part in parts):
        return []
    root = parts[0].dataset.data_root
    path = Path(osp.join(root, old) if root else old)
    ids: Dict[bool, Set[str]] = {True: set(), False: set()}
    for part in parts:
        for i, info in enumerate(part.infos):
            ids[i in drop[part.key]].add(image_id(info['img_path']))
    gone = ids[True] - ids[False]
    lines = [line for line in read_lines(str(path))
             if not gone.intersection(split_words(line)[:1])]
    new = path.with_name(f'{path.stem}.fixed{path.suffix or ".txt"}')
    return [Fixed(new, lines, len(gone), [
        f'train_dataloader.dataset.tag_file={key_value(new, root)}'])]


def plan(cfg: Config, sheets: Sequence[Sheet], taught: bool) -> List[Fixed]:
    """The lists that need another one beside them."""
    drop = to_drop(sheets, taught)
    lists = [fix_list(group, drop[group[0].part.key])
             for group in share_drops(sheets, drop)]
    return lists + fix_tags(cfg, sheets, drop)


def state(fixed: Fixed) -> Tuple[str, str]:
    """Whether a file is ``'new'``, ``'unchanged'`` or ``'another'``; text."""
    text = ''.join(f'{line}\n' for line in fixed.lines)
    if not fixed.path.exists():
        return 'new', text
    same = fixed.path.read_text(encoding='utf-8') == text
    return ('unchanged' if same else 'another'), text


def write(lists: Sequence[Fixed]) -> None:
    """Write the lists, all or none, and print the keys to set.

    Raises:
        SystemExit: If a file with other lines is there.
    """
    if not lists:
        print('\n--fix-lists: the lists are clean, nothing was written')
        return
    states = [state(fixed) for fixed in lists]
    for fixed, (kind, _) in zip(lists, states):
        if kind == 'another':
            raise SystemExit(
                f'error: --fix-lists: {fixed.path} holds another list; '
                'nothing was written: remove or rename it')
    print('\nlists:')
    for fixed, (kind, text) in zip(lists, states):
        if kind == 'new':
            fixed.path.write_text(text, encoding='utf-8')
        print(f'  {fixed.path}: {len(fixed.lines)} lines, {fixed.dropped} '
              f'dropped, {kind}')
    print('use them with --cfg-options ' + ' '.join(
        option for fixed in lists for option in fixed.options))
