"""Reading image-level labels ("tags") from a text file."""

import os.path as osp
import re
from typing import Collection, Dict, List, Sequence

import numpy as np

from .lists import read_lines


def read_tag_file(path: str, ids: Sequence[str],
                  classes: Sequence[str]) -> np.ndarray:
    """Image-level labels of a list of images.

    Args:
        path (str): One line an image: id, then names of the foreground classes
            that the image shows, possibly none; separated by blanks, or by
            tabs where the line has any. Empty lines are skipped, as is a
            byte order mark.
        ids (Sequence[str]): The images that need labels.
        classes (Sequence[str]): Class names, the background first.

    Returns:
        np.ndarray: 0 or 1, uint8, (len(ids), C-1).

    Raises:
        ValueError: If the file is no text, a class is unknown, an image occurs
            twice, in the file or in the list, a line names an image that is
            not in the list, or an image has no line. The message names file
            and line.
    """
    column = {name: i for i, name in enumerate(classes[1:])}
    row = {name: i for i, name in enumerate(ids)}
    if len(row) < len(ids):
        twice = next(name for i, name in enumerate(ids) if row[name] != i)
        raise ValueError(
            f'{path}: {twice!r} stands twice in the unlabelled list, perhaps '
            'in two folders, and tags go by the name of the file; give each '
            'image a name of its own')
    labels = np.zeros((len(ids), len(column)), dtype=np.uint8)
    seen: Dict[str, int] = {}
    lines = [split_words(line) for line in read_lines(path)]
    for number, words in enumerate(lines, 1):
        if not words:
            continue
        name, where = words[0], f'{path}, line {number}'
        if name not in row:
            raise ValueError(f'{where}: {unknown_name(name, row, lines)}')
        if name in seen:
            raise ValueError(f'{where}: image {name!r} stands already in line '
                             f'{seen[name]}; keep one of them')
        seen[name] = number
        for word in words[1:]:
            if word not in column:
                raise ValueError(f'{where}: {unknown_class(word, column)}')
            labels[row[name], column[word]] = 1
    missing = [name for name in ids if name not in seen]
    if missing:
        raise ValueError(
            f'{path}: no line for {len(missing)} of {len(ids)} unlabelled '
            f'images, the first is {missing[0]!r}; add a line for each (the '
            'id alone, if it shows no class)')
    return labels


def split_words(line: str) -> List[str]:
    """The words of a line of a tag file.

    Args:
        line (str): Separated by tabs where it has any, else by blanks.

    Returns:
        list[str]: The id first; none of an empty line.
    """
    words = line.split('\t') if '\t' in line else line.split()
    return [word.strip() for word in words if word.strip()]


def unknown_name(name: str, ids: Collection[str],
                 lines: Sequence[Sequence[str]]) -> str:
    """Why the first word of a line is no image, and what to do.

    Args:
        name (str): The word.
        ids (Collection[str]): The unlabelled images.
        lines (Sequence[Sequence[str]]): Words of the file.

    Returns:
        str: Cause and remedy.
    """
    short = image_id(name.replace('\\', '/'))
    if re.split('[,;]', name)[0] not in ('', name):
        return (f'{name!r:.100} is no image; separate the words by blanks or '
                'tabs, not commas')
    if short != name and short in ids:
        folder = 'folder and ' if re.search(r'[/\\]', name) else ''
        return (f'{name!r:.100} is no name of an image; give the name without '
                f'{folder}suffix: {short}')
    text = f'image {name!r:.100} is not in the unlabelled list or folder'
    if not any(words and words[0] in ids for words in lines):
        return (f'{text}, nor is that of any other line: an unlabelled image '
                f'has a name such as {next(iter(ids), "")!r:.100} (without '
                'folder and suffix); correct the names, or take the tag file '
                'of these images')
    return (f'{text}; correct the name, add the image (the list train_'
            'dataloader.dataset.unlabeled.ann_file, where it is set, else '
            'the folder), or remove the line')


def unknown_class(word: str, classes: Collection[str]) -> str:
    """Why a word is no class, and what to do.

    Args:
        word (str): The word.
        classes (Collection[str]): Names of the foreground classes.

    Returns:
        str: Cause and remedy.
    """
    text = f'unknown class {word!r:.100}'
    if re.search('[,;]', word):
        return f'{text}; separate the words by blanks or tabs, not commas'
    if any(word in name.split() for name in classes):
        return (f'{text}; names of classes that have blanks need tabs between '
                f'all words of the line; the foreground classes are '
                f'{", ".join(classes)}')
    return f'{text}; the foreground classes are {", ".join(classes)}'


def image_id(path: str) -> str:
    """The name by which tags know an image.

    Args:
        path (str): Of its file.

    Returns:
        str: The file's name without folder and suffix.
    """
    return osp.splitext(osp.basename(path))[0]
