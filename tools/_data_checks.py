"""From what is known of single files to findings, a part at a time."""

import os
from typing import Dict, List, Sequence, Tuple

import numpy as np
from _data_classes import tag_findings
from _data_files import Facts, Job, inspect
from _data_findings import ERROR, NOTE, WARNING, Finding, plural
from _data_lists import Sheet, is_taught, overlaps
from _data_parts import LABELED, UNLABELED, VAL, Part, read_parts
from _networks import channels_to_change, without_weights
from _parallel import map_parallel
from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmengine.config import Config

from mmseg_pseudoseg.config_checks import check_config
from mmseg_pseudoseg.datasets.file_faults import MEANING, one_class
from mmseg_pseudoseg.network_checks import one_image_problems

# Entries that --fix-lists drops.
BROKEN = {code for code, meaning in MEANING.items() if meaning.level == ERROR}
SAMPLE = 16  # files of a list that train.py looks into
UNDECODED = {f'{what}_{code}' for what in ('image', 'mask')
             for code in ('damaged', 'format', 'foreign', 'bomb')}


def make_jobs(part: Part, hidden: bool) -> List[Job]:
    """What to look into, one an entry.

    Args:
        part (Part): Masks of unlabelled images are left alone, whatever its
            pipeline loads, unless ``hidden``.
        hidden (bool): Whether hidden masks may be opened.
    """
    masks = part.loader(LoadAnnotations) if opens_masks(part, hidden) else None
    images = part.loader(LoadImageFromFile)
    number, ignore = len(part.classes), part.ignore  # copies all metainfo
    return [Job(info, images, masks, number, ignore) for info in part.infos]


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


def file_findings(part: Part, facts: Sequence[Facts], hidden: bool,
                  lone: bool) -> List[Finding]:
    """What is the matter with the files of a part.

    Args:
        part (Part): The part.
        facts (Sequence[Facts]): Of its entries.
        hidden (bool): Whether masks of unlabelled images were opened.
        lone (bool): Whether :func:`lone_class` has spoken of its masks.
    """
    groups: Dict[str, List[str]] = {}
    for one in facts:
        for fault in one.faults:
            groups.setdefault(fault.code, []).append(fault.detail)
    if lone:
        groups.pop('mask_binary', None)
        groups.pop('mask_void', None)
    result = []
    for code, files in groups.items():
        level, text, remedy = MEANING[code]
        result.append(Finding(
            level, part.key, f'{plural(len(files), "image")} {text}', remedy,
            tuple(files)))
    return result + ([] if hidden else unopened(part))


def shown(sheets: Sequence[Sheet]) -> Tuple[List[int], List[int]]:
    """Values of the masks that were read; classes after all mappings."""
    values, labels = set(), set()
    for part, facts in sheets:
        for one in facts:
            values.update(one.values)
            if one.counts is not None:
                labels.update(np.flatnonzero(one.counts).tolist())
        labels.discard(part.ignore)
    return sorted(values), sorted(labels)


def lone_class(sheets: Sequence[Sheet], role: str) -> List[Finding]:
    """Masks that all show the same class: 255 for 1, reduce_zero_label.

    Args:
        sheets (Sequence[Sheet]): All parts.
        role (str): Whose masks are taken together.
    """
    group = [sheet for sheet in sheets if sheet.part.role == role]
    text, remedy = one_class(
        *shown(group), any(getattr(sheet.part.dataset, 'reduce_zero_label',
                                   False) for sheet in group),
        role == LABELED)
    if not text:
        return []
    return [Finding(ERROR, group[0].part.key, text, remedy, tuple(
        info['seg_map_path'] for part, facts in group
        for info, one in zip(part.infos, facts) if one.counts is not None))]


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


def is_local(part: Part) -> bool:
    """Whether the images are files of this machine, with their paths."""
    backend = getattr(part.dataset, 'backend_args', None) or {}
    path = part.infos[0].get('img_path', '://')
    return '://' not in path and backend.get('backend', 'local') == 'local'


def sample(part: Part, allowed: bool) -> Sheet:
    """Look into some files of a part, the first and the last among them.

    Args:
        part (Part): Of any length.
        allowed (bool): Whether files that cannot be decoded are no fault here
            (``max_corrupt``).

    Returns:
        Sheet: Of these entries; of as many more as it takes to find a second
        class in the masks.
    """
    if not is_local(part):
        return Sheet(part._replace(infos=[]), [])
    number = len(part.infos)
    picks = np.linspace(0, number - 1, SAMPLE).round().astype(int)
    order = dict.fromkeys([*picks.tolist(), *range(number)])
    jobs = make_jobs(part, False)
    infos: List[dict] = []
    facts: List[Facts] = []
    for i in order:
        if len(infos) >= min(SAMPLE, number) and (
                jobs[i].load_mask is None
                or len(shown([Sheet(part, facts)])[1]) > 1):
            break
        one = inspect(jobs[i])
        infos.append(part.infos[i])
        facts.append(one._replace(faults=[
            fault for fault in one.faults
            if not (allowed and fault.code in UNDECODED)]))
    return Sheet(part._replace(infos=infos), facts)


def config_findings(cfg: Config, try_heads: bool = False) -> List[Finding]:
    """What a config contradicts itself in.

    Args:
        cfg (Config): Of a training.
        try_heads (bool): Whether to build the backbone, and compare its
            channels with those of the heads.
    """
    problems = check_config(cfg)
    problems += one_image_problems(cfg, without_weights(cfg.model))
    if try_heads:
        problems += channels_to_change(cfg.model)
    return [Finding(ERROR if p.fatal else WARNING, p.key, p.text, p.remedy)
            for p in problems]


def start_findings(cfg: Config) -> List[Finding]:
    """What ``train.py`` must not pass: the checks of ``check_data.py``.

    The config is compared with itself; where it fits, lists are read, and
    some files of each are looked into.

    Args:
        cfg (Config): Of a training.

    Returns:
        list[Finding]: Errors and warnings.
    """
    if not cfg.get('train_dataloader'):
        return []
    config = config_findings(cfg)
    if any(finding.level == ERROR for finding in config):
        return config
    parts, findings = read_parts(cfg, ('train_dataloader', 'val_dataloader'))
    findings = config + findings
    allowed = bool(cfg.train_dataloader.dataset.get('max_corrupt'))
    sheets = [sample(part, allowed and part.role != VAL) for part in parts]
    lone = {role: lone_class(sheets, role) for role in (LABELED, VAL)}
    findings += lone[LABELED] + lone[VAL]
    for part, facts in sheets:
        findings += file_findings(part, facts, False,
                                  bool(lone.get(part.role)))
    unread = [Sheet(part, [Facts([])] * len(part.infos)) for part in parts
              if is_local(part)]
    findings += [finding for *_, finding in overlaps(
        unread, is_taught(cfg, unread))]
    findings += tag_findings(cfg, unread)
    return [finding for finding in findings if finding.level != NOTE]
