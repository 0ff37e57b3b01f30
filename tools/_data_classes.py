"""Classes: how often they occur, whether model and tags agree with them."""

import os.path as osp
from typing import Any, Dict, List, Sequence

import numpy as np
from _data_findings import ERROR, NOTE, WARNING, Finding, plural
from _data_lists import Sheet
from _data_parts import LABELED, UNLABELED, VAL, find_step
from mmengine.config import Config

from mmseg_pseudoseg.datasets import CheckAnnotations
from mmseg_pseudoseg.datasets.image_labels import image_id, read_tag_file


def balance(sheet: Sheet) -> List[Dict[str, Any]]:
    """Pixels and images of each class of a part.

    Returns:
        list[dict]: ``name``, ``pixels``, ``share`` of all pixels that are not
        ignored, ``images``; empty where no mask was read.
    """
    counts = [f.counts for f in sheet.facts if f.counts is not None]
    classes = sheet.part.classes
    if not counts or not classes:
        return []
    table = np.stack(counts)[:, :len(classes)]
    pixels, images = table.sum(0), (table > 0).sum(0)
    total = max(int(pixels.sum()), 1)
    return [dict(name=name, pixels=int(p), share=float(p) / total,
                 images=int(n))
            for name, p, n in zip(classes, pixels, images)]


def balance_findings(sheets: Sequence[Sheet], role: str) -> List[Finding]:
    """Classes that no list of a role shows.

    Args:
        sheets (Sequence[Sheet]): All parts.
        role (str): Such as ``LABELED``; its masks are taken together.
    """
    group = [sheet for sheet in sheets if sheet.part.role == role]
    tables = [rows for rows in map(balance, group) if rows]
    absent = [rows[0]['name'] for rows in zip(*tables)
              if not any(row['images'] for row in rows)]
    if not absent or role not in (LABELED, VAL):
        return []
    key, names = group[0].part.key, ', '.join(absent)
    if role == VAL:
        return [Finding(NOTE, key, f'no mask shows {names}: the IoU of these '
                        'classes is not defined (nan), mIoU leaves them out')]
    remedy = ('label images that show them, or take them out of '
              'metainfo.classes')
    if absent[-1] == group[0].part.classes[-1] and getattr(
            group[0].part.dataset, 'reduce_zero_label', False):
        remedy += ('; reduce_zero_label=True makes class 0 of 1, 1 of 2: set '
                   'it to False, if 0 is a class')
    return [Finding(WARNING, key, 'classes that are in no mask and cannot be '
                    f'learnt: {names}', remedy)]


def number_findings(cfg: Config, sheets: Sequence[Sheet]) -> List[Finding]:
    """Numbers of classes that do not fit each other."""
    result = []
    named = [s.part for s in sheets if s.part.classes]
    for part in named[1:]:
        if part.classes != named[0].classes:
            result.append(Finding(
                ERROR, part.key, f'its classes are {list(part.classes)}, '
                f'those of {named[0].key} are {list(named[0].classes)}',
                'give all data sets the same metainfo.classes'))
    result += [Finding(
        ERROR, s.part.key, 'the classes have no names',
        f'set {s.part.key}.metainfo=dict(classes=(...)), the background '
        'first') for s in sheets if not s.part.classes]
    if not named:
        return result
    return result + step_findings(sheets, len(named[0].classes))


def step_findings(sheets: Sequence[Sheet], number: int) -> List[Finding]:
    """``CheckAnnotations`` for another number of classes."""
    result = []
    for part in (sheet.part for sheet in sheets):
        step = find_step(part.cfg, CheckAnnotations)
        if step is None or step.get('num_classes', number) == number:
            continue
        small = step.num_classes < number
        result.append(Finding(
            ERROR if small else NOTE, f'{part.key}.pipeline',
            f'CheckAnnotations has num_classes={step.num_classes}, the data '
            f'{number}: ' + ('it refuses masks with the other classes'
                             if small else 'it lets labels from '
                             f'{number} on pass (these masks have none, '
                             'unless an error above says so)'),
            'set num_classes of the step' if small else ''))
    return result


def tag_findings(cfg: Config, sheets: Sequence[Sheet]) -> List[Finding]:
    """Tags that cannot be read, are not used, or contradict masks."""
    path = cfg.train_dataloader.dataset.get('tag_file')
    parts = [s for s in sheets if s.part.role == UNLABELED]
    if not path or not parts:
        return []
    part, key = parts[0].part, 'train_dataloader.dataset.tag_file'
    result: List[Finding] = []
    root = part.dataset.data_root
    path = osp.join(root, path) if root else path
    ids = [image_id(info['img_path']) for sheet in parts
           for info in sheet.part.infos]
    try:
        tags = read_tag_file(path, ids, part.classes)
    except (OSError, ValueError) as error:
        return [Finding(
            ERROR, key, f'cannot be used: {error}',
            'correct the file: one line an image, its id and its classes')]
    unused = [name for name, column in zip(part.classes[1:], tags.T)
              if not column.any()]
    if unused:
        result.append(Finding(
            WARNING, key, f'no image is tagged {", ".join(unused)}: the '
            'network learns that they are absent everywhere',
            f'complete {path}, if an unlabelled image shows them'))
    wrong = contradictions(sheets, parts, tags)
    if wrong:
        result.append(Finding(
            WARNING, key, f'{plural(len(wrong), "image")} with tags that '
            'contradict the mask', f'correct {path} or the mask',
            tuple(wrong)))
    return result


def contradictions(sheets: Sequence[Sheet], tagged: Sequence[Sheet],
                   tags: np.ndarray) -> List[str]:
    """Images whose tags and mask say different things.

    Args:
        sheets (Sequence[Sheet]): All parts; the masks of labelled images,
            and those of unlabelled ones that were opened, are compared.
        tagged (Sequence[Sheet]): The tagged parts.
        tags (np.ndarray): 0 or 1, uint8, (entries, C-1).

    Returns:
        list[str]: A line an image.
    """
    masks = {path: facts.counts for sheet in sheets
             if sheet.part.role in (LABELED, UNLABELED)
             for path, facts in zip(sheet.paths, sheet.facts)
             if facts.counts is not None}
    names = np.array(tagged[0].part.classes[1:])
    result = {}
    paths = [path for sheet in tagged for path in sheet.paths]
    for path, row in zip(paths, tags):
        if path not in masks:
            continue
        shown = masks[path][1:1 + len(names)] > 0
        said = row > 0
        if (said != shown).any():
            result[path] = (
                f'{path}: tagged but not in the mask: '
                f'{", ".join(names[said & ~shown]) or "-"}; in the mask but '
                f'not tagged: {", ".join(names[shown & ~said]) or "-"}')
    return list(result.values())
