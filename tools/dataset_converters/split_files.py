"""Reading and writing the files of a split."""

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402
import split_rules as rules  # noqa: E402
import split_tables as tables  # noqa: E402
from _parallel import map_parallel  # noqa: E402
from PIL import Image  # noqa: E402
from split_rules import SplitError  # noqa: E402
from split_tables import Family  # noqa: E402

LISTS = Path('ImageSets', 'Segmentation')
PSEUDOSEG = LISTS / 'pseudoseg'
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def read_list(path: Path) -> List[str]:
    """The lines of a file, without blanks around them and empty lines."""
    if not path.is_file():
        raise SplitError(f'{path}: no such file')
    data = path.read_bytes()
    try:
        text = data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise SplitError(f'{path}: is no list: the byte '
                         f'0x{data[error.start]:02x} is not text; a list is '
                         'plain text in UTF-8, one image a line') from error
    if '\0' in text:
        raise SplitError(f'{path}: is no list: it holds NUL bytes; a list is '
                         'plain text in UTF-8, one image a line')
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line]


def read_root_list(root: Path, name: str) -> List[str]:
    """A list of the data set, checked for duplicates and for its folder."""
    ids = read_list(root / LISTS / f'{name}.txt')
    rules.check_unique(ids, f'{name}.txt')
    rules.check_within_folder(ids, f'{name}.txt')
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
    except UNREADABLE as error:
        raise SplitError(f'{path}: cannot be read ({error})') from error
    if mask.ndim != 2:
        raise SplitError(f'{path}: is a colour image; a mask has one channel '
                         'of class ids')
    return np.unique(mask).tolist()


def read_presence(ids: Sequence[str], folder: Path,
                  num_classes: int) -> Dict[str, np.ndarray]:
    """Which foreground classes each image shows; see ``rules.presence``."""
    values = map_parallel(
        partial(mask_values, folder=folder), ids,
        min(os.cpu_count() or 1, 8))
    return rules.presence(dict(zip(ids, values, strict=True)), num_classes)


def read_published(source: Path,
                   family: str = 'pseudoseg') -> Dict[str, List[str]]:
    """The lists of a VOC family below ``source``; see ``read_family``."""
    return read_family(source, tables.FAMILIES[family], family)


def read_family(source: Path, facts: Family,
                family: str = '') -> Dict[str, List[str]]:
    """The lists of a family below ``source``, verified; absent ones told.

    Args:
        source (Path): A clone, or a folder of files such as ``1_8.txt``.
        facts (Family): What the lists must be.
        family (str): Its name, empty where there is but one.

    Returns:
        dict[str, list[str]]: Name of the split -> ids in their order.

    Raises:
        SplitError: Naming each list that is damaged or another one.
    """
    lists, damaged = {}, []
    for key, published in facts.lists.items():
        name = facts.prefix + key
        paths = [source / place.format(name=published.name, key=key)
                 for place in facts.places] + [source / f'{name}.txt']
        found = [path for path in paths if path.is_file()]
        if not found:
            print(f'{name}: absent, skipped (neither '
                  f'{" nor ".join(map(str, paths))})')
            continue
        lists[name] = [rules.image_id(line) for line in read_list(found[0])]
        try:
            check_list(lists[name], facts, (family, key), str(found[0]))
        except SplitError as error:
            damaged.append(str(error))
    if damaged:
        raise SplitError('\n'.join([*damaged, 'Nothing was written.']))
    if not lists:
        raise SplitError(
            f'--source {source}: holds none of the lists; clone '
            f'{facts.repository}{family and f" for --family {family}"}')
    return lists


def check_list(ids: Sequence[str], facts: Family, wanted: Tuple[str, str],
               where: str) -> None:
    """Refuse a list that is not the published one, saying which it is.

    Args:
        ids (Sequence[str]): What was read.
        facts (Family): The family.
        wanted (tuple[str, str]): Name of the family, fraction.
        where (str): The file, for the message.
    """
    rules.check_ids(ids, where, facts.pattern, facts.example)
    family, key = wanted
    known = tables.identify(ids)
    if known and known != wanted:
        other = tables.FAMILIES[known[0]]
        raise SplitError(
            f'{where}: this is list {known[1]} of the family {known[0]!r} '
            f'({other.repository}), not {key} of {family!r}; import it as '
            f'--family {known[0]}, named {other.prefix}{known[1]}.txt')
    rules.check_facts(ids, facts.lists[key], where, facts.repository)


def add_write_arguments(parser: argparse.ArgumentParser,
                        unlabeled: Optional[str], text: str = '%(default)s'
                        ) -> None:
    """Add the options of :func:`write_splits`.

    Args:
        parser (argparse.ArgumentParser): Of the tool or subcommand.
        unlabeled (str, optional): Default of ``--unlabeled``.
        text (str): How the help names that default.
    """
    parser.add_argument(
        '--unlabeled', choices=['all', 'remaining'], default=unlabeled,
        help='all: the whole pool with the labelled images, as the authors '
        f'ran it; remaining: without them (default: {text})')
    add_force_argument(parser)


def add_force_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--force`` of :func:`write_lists`."""
    parser.add_argument(
        '--force', action='store_true',
        help='overwrite lists that are there and differ')


def write_splits(args: argparse.Namespace, lists: Dict[str, List[str]],
                 pool: Sequence[str], folder: Path = PSEUDOSEG) -> None:
    """Write each labelled list with its unlabelled one."""
    write_lists(
        args.data_root, {
            name: dict(
                labeled=labeled,
                unlabeled=rules.unlabeled_ids(labeled, pool, args.unlabeled))
            for name, labeled in lists.items()
        }, args.force, folder)


def run_tool(run: Callable[[], None]) -> None:
    """Run a tool; a list that is not as it must be ends it with a line."""
    try:
        run()
    except SplitError as error:
        sys.exit(f'error: {error}')


def write_lists(root: Path, splits: Dict[str, Dict[str, List[str]]],
                force: bool, folder: Path = PSEUDOSEG) -> None:
    """Say what will be written, then write it, all or nothing.

    Args:
        root (Path): The data set.
        splits (dict[str, dict[str, list[str]]]): Name -> part -> ids.
        force (bool): Whether to overwrite other lists.
        folder (Path): Where in ``root``; a folder a split is made there.

    Raises:
        SplitError: If another list is there.
    """
    texts, different = {}, []
    print('to write:')
    for name, parts in splits.items():
        for part, ids in parts.items():
            path = root / folder / name / f'{part}.txt'
            text = ''.join(f'{image}\n' for image in ids)
            state = 'new'
            if path.is_file():
                same = path.read_bytes() == text.encode()
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
        path.write_bytes(text.encode())
    print(f'wrote {len(texts)} files' if texts else
          'nothing to do: the files hold these lists already')
