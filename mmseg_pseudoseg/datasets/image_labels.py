"""Reading image-level labels ("tags") from a text file."""

from typing import Dict, Sequence

import numpy as np

from .lists import read_lines


def read_tag_file(path: str, ids: Sequence[str],
                  classes: Sequence[str]) -> np.ndarray:
    """Image-level labels of a list of images.

    Args:
        path (str): One line an image: id, then names of the foreground classes
            that the image shows, possibly none; separated by blanks, or by
            tabs where the line has any. Empty lines are skipped.
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
    for number, line in enumerate(read_lines(path), 1):
        words = line.split('\t') if '\t' in line else line.split()
        words = [word.strip() for word in words if word.strip()]
        if not words:
            continue
        name, where = words[0], f'{path}, line {number}'
        if name not in row:
            raise ValueError(
                f'{where}: image {name!r:.100} is not in the unlabelled list; '
                'remove the line, or add the image to '
                'train_dataloader.dataset.unlabeled.ann_file')
        if name in seen:
            raise ValueError(f'{where}: image {name!r} stands already in line '
                             f'{seen[name]}; keep one of them')
        seen[name] = number
        for word in words[1:]:
            if word not in column:
                raise ValueError(
                    f'{where}: unknown class {word!r:.100}; the foreground '
                    f'classes are {", ".join(column)}')
            labels[row[name], column[word]] = 1
    missing = [name for name in ids if name not in seen]
    if missing:
        raise ValueError(
            f'{path}: no line for {len(missing)} of {len(ids)} unlabelled '
            f'images, the first is {missing[0]!r}; add a line for each (the '
            'id alone, if it shows no class)')
    return labels
