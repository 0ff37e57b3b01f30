"""From what is known of single files to findings, a part at a time."""

import os
from typing import Dict, List, Sequence, Tuple

import numpy as np
from _data_files import Facts, Job, inspect
from _data_findings import ERROR, NOTE, Finding, plural
from _data_parts import LABELED, UNLABELED, Part
from _parallel import map_parallel
from mmcv.transforms import LoadAnnotations, LoadImageFromFile

from mmseg_pseudoseg.datasets.file_faults import MEANING, one_class

# Entries that --fix-lists drops.
BROKEN = {code for code, meaning in MEANING.items() if meaning.level == ERROR}


def make_jobs(part: Part, hidden: bool) -> List[Job]:
    """What to look into, one an entry.

    Args:
        part (Part): Masks of unlabelled images are left alone, whatever its
            pipeline loads, unless ``hidden``.
        hidden (bool): Whether hidden masks may be opened.
    """
    masks = part.loader(LoadAnnotations) if opens_masks(part, hidden) else None
    images = part.loader(LoadImageFromFile)
    return [Job(info, images, masks, len(part.classes), part.ignore)
            for info in part.infos]


def opens_masks(part: Part, hidden: bool) -> bool:
    """Whether the masks of a part are looked into."""
    if part.role == UNLABELED:
        return hidden and 'seg_map_path' in part.infos[0]
    return part.reads_masks


def inspect_all(parts: Sequence[Part], hidden: bool,
                workers: int) -> Dict[str, List[Facts]]:
    """Look into all files, in several processes, with a progress bar.

    Args:
        parts (Sequence[Part]): All parts.
        hidden (bool): Whether masks of unlabelled images may be opened.
        workers (int): Number of processes.

    Returns:
        dict[str, list[Facts]]: Key of a part -> facts of its entries.
    """
    jobs = [make_jobs(part, hidden) for part in parts]
    tasks = [job for group in jobs for job in group]
    facts = iter(map_parallel(inspect, tasks, workers))
    return {part.key: [next(facts) for _ in group]
            for part, group in zip(parts, jobs)}


def file_findings(part: Part, facts: Sequence[Facts],
                  hidden: bool) -> List[Finding]:
    """What is the matter with the files of a part.

    Args:
        part (Part): The part.
        facts (Sequence[Facts]): Of its entries.
        hidden (bool): Whether masks of unlabelled images were opened.
    """
    groups: Dict[str, List[str]] = {}
    for one in facts:
        for fault in one.faults:
            groups.setdefault(fault.code, []).append(fault.detail)
    result = lone_class(part, facts)
    if result:
        groups.pop('mask_binary', None)
        groups.pop('mask_void', None)
    for code, files in groups.items():
        level, text, remedy = MEANING[code]
        result.append(Finding(
            level, part.key, f'{plural(len(files), "image")} {text}', remedy,
            tuple(files)))
    return result + ([] if hidden else unopened(part))


def shown(part: Part, facts: Sequence[Facts]) -> Tuple[List[int], List[int]]:
    """Values of the masks that were read; classes after all mappings."""
    read = [one for one in facts if one.counts is not None]
    total = sum((one.counts for one in read), np.zeros(256, int))
    return (sorted({value for one in read for value in one.values}),
            [k for k in np.flatnonzero(total).tolist() if k != part.ignore])


def lone_class(part: Part, facts: Sequence[Facts]) -> List[Finding]:
    """Masks that all show the same class: 255 for 1, reduce_zero_label."""
    values, labels = shown(part, facts)
    text, remedy = one_class(
        values, labels, getattr(part.dataset, 'reduce_zero_label', False),
        part.role == LABELED)
    if not text:
        return []
    files = [info['seg_map_path'] for info, one in zip(part.infos, facts)
             if one.counts is not None]
    return [Finding(ERROR, part.key, text, remedy, tuple(files))]


def unopened(part: Part) -> List[Finding]:
    """Masks of unlabelled images that the pipeline loads: are they there?"""
    if part.role != UNLABELED or not part.reads_masks:
        return []
    missing = [info.get('seg_map_path') or info['img_path']
               for info in part.infos
               if not os.path.isfile(info.get('seg_map_path') or '')]
    if missing:
        return [Finding(
            ERROR, part.key, f'{plural(len(missing), "mask")} missing that '
            'the pipeline loads', 'write them first '
            '(tools/generate_pseudo_labels.py), or take LoadAnnotations out '
            'of the unlabelled pipeline', tuple(missing))]
    return [Finding(
        NOTE, part.key, 'its pipeline loads masks (pseudo labels, or hidden '
        'ones for image-level labels); they are there and were not opened',
        '--open-hidden-masks looks into them')]


def is_broken(facts: Facts) -> bool:
    """Whether training or testing would fail on the entry, or go wrong."""
    return any(fault.code in BROKEN for fault in facts.faults)

