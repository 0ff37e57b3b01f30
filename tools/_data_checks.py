"""From what is known of single files to findings, a part at a time."""

import os
from typing import Dict, List, NamedTuple, Sequence

from _data_files import Facts, Job, inspect
from _data_findings import ERROR, NOTE, WARNING, Finding, plural
from _data_parts import UNLABELED, Part
from _parallel import map_parallel
from mmcv.transforms import LoadAnnotations, LoadImageFromFile

CONVERT = (
    'write one channel of class ids, 0 the background, 255 ignored; with '
    'numpy and PIL: Image.fromarray(ids.astype(numpy.uint8)).save(path)')


class Meaning(NamedTuple):
    """What a fault's code says to a person.

    Attributes:
        level (str): Of the finding.
        text (str): Follows the number of files.
        remedy (str): What to do.
    """

    level: str
    text: str
    remedy: str


MEANING = dict(
    image_missing=Meaning(
        ERROR, 'listed but missing', 'correct the list, or data_prefix.'
        'img_path and img_suffix of the data set; --fix-lists drops them'),
    image_damaged=Meaning(
        ERROR, 'cannot be decoded', 'copy the files again; --fix-lists drops '
        'them'),
    image_bomb=Meaning(
        ERROR, 'too large to be decoded safely',
        'cut or shrink the images; --fix-lists drops them'),
    image_deep=Meaning(
        WARNING, 'of 16 or more bits a pixel; the loader keeps the upper 8',
        'stretch the values to 0..255 and save 8 bits, or images of 10 or 12 '
        'bits are nearly black'),
    image_turned=Meaning(
        WARNING, 'turned by EXIF; the loader turns the image, not its mask',
        'look at one pair; save the image without EXIF, or turn the mask as '
        'well'),
    mask_missing=Meaning(
        ERROR, 'without a mask', 'add the masks, or correct data_prefix.'
        'seg_map_path and seg_map_suffix; --fix-lists drops the images'),
    mask_damaged=Meaning(
        ERROR, 'with a mask that cannot be decoded',
        'copy the masks again; --fix-lists drops the images'),
    mask_bomb=Meaning(
        ERROR, 'with a mask too large to be decoded safely',
        'cut or shrink image and mask; --fix-lists drops the images'),
    mask_colour=Meaning(
        ERROR, 'with a mask of colours, not of class ids',
        f'turn each colour into its class id: {CONVERT}'),
    mask_deep=Meaning(
        ERROR, 'with a mask whose values do not fit into 8 bits (the loader '
        'cuts the upper ones off)', f'map the values to class ids: {CONVERT}'),
    mask_lossy=Meaning(
        ERROR, 'with a mask saved as JPEG, which changes class ids',
        'draw or export the masks again as PNG'),
    size_differs=Meaning(
        ERROR, 'with a mask of another size',
        'make them equal (a turned image has an EXIF orientation); '
        '--fix-lists drops the images'),
    label_outside=Meaning(
        ERROR, 'with labels outside the classes',
        'masks must hold class ids; see metainfo.classes and '
        'reduce_zero_label of the data set. Grey levels of colours (38, 75, '
        f'113) must be turned into ids: {CONVERT}'),
    mask_binary=Meaning(
        NOTE, 'with a mask of 0 and 255 alone',
        'nothing, if 255 is meant to be ignored there'),
    mask_void=Meaning(
        WARNING, 'with a mask that ignores every pixel',
        'such an image teaches nothing: label it, or leave it out'),
)
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


def is_binary(groups: Dict[str, List[str]], facts: Sequence[Facts]) -> bool:
    """Whether all masks that were read hold 0 and 255 alone."""
    read = [f for f in facts if f.counts is not None]
    plain = sum(not f.counts[1:].any() for f in read)
    two = len(groups.get('mask_binary', []))
    return two > 0 and two + plain + len(
        groups.get('mask_void', [])) == len(read)


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
    result = []
    if is_binary(groups, facts):
        result.append(binary(part, groups.pop('mask_binary')
                             + groups.pop('mask_void', [])))
    for code, files in groups.items():
        level, text, remedy = MEANING[code]
        result.append(Finding(
            level, part.key, f'{plural(len(files), "image")} {text}', remedy,
            tuple(files)))
    return result + ([] if hidden else unopened(part))


def binary(part: Part, files: Sequence[str]) -> Finding:
    """Masks of 0 and 255 where 255 was meant to be a class."""
    return Finding(
        ERROR, part.key,
        f'all {plural(len(files), "mask")} hold 0 and 255 alone: 255 counts '
        'as ignored, so that the background is the only class',
        f'write 1 where they hold 255: {CONVERT}, where ids = (mask == 255)',
        tuple(files))


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

