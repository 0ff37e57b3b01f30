"""Reading COCO's annotations; reading and writing masks."""

import json
import os
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple, Union

import coco_rules as rules
import numpy as np
from coco_rules import MaskRecord, Picture
from PIL import Image
from split_files import UNREADABLE, map_parallel
from split_rules import SplitError


def load_coco() -> Any:
    """The class ``COCO`` of pycocotools, which is an extra."""
    try:
        from pycocotools.coco import COCO
    except ImportError as error:
        raise SplitError(f'pycocotools cannot be imported ({error}): pip '
                         'install mmseg-pseudoseg[coco]') from error
    return COCO


def refuse_constant(text: str) -> None:
    """Python's json takes NaN and Infinity; no coordinate may be one."""
    raise ValueError(f'{text} is not JSON')


def read_instances(root: Path,
                   name: str) -> Tuple[Dict[int, str], List[Picture]]:
    """The annotations of one set; see ``rules.parse_instances``."""
    path = root / 'annotations' / f'instances_{name}.json'
    if not path.is_file():
        raise SplitError(f'{path}: no such file; unpack '
                         f'annotations_trainval2017.zip in {root}, or see '
                         '--sets')
    try:
        with path.open(encoding='utf-8') as file:
            data = json.load(file, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise SplitError(f'{path}: cannot be read as JSON ({error}); take it '
                         'from a fresh annotations_trainval2017.zip'
                         ) from error
    return rules.parse_instances(data, str(path))


def draw_mask(picture: Picture) -> np.ndarray:
    """The mask of a picture, uint8, (H, W)."""
    coco = load_coco()()
    coco.imgs = {0: dict(height=picture.height, width=picture.width)}
    regions = [
        coco.annToMask(dict(image_id=0, segmentation=instance.segmentation))
        for instance in picture.instances
    ]
    return rules.compose(picture, [region.astype(bool) for region in regions])


def read_mask(picture: Picture, folder: Path) -> MaskRecord:
    """Check the mask that is in the folder."""
    path = folder / f'{picture.name}.png'
    try:
        with Image.open(path) as file:
            mask = np.asarray(file)
    except UNREADABLE as error:
        raise SplitError(f'{path}: cannot be read ({error})') from error
    try:
        return rules.check_mask(mask, picture)
    except SplitError as error:
        raise SplitError(f'{path}: {error}') from error


def inspect_mask(picture: Picture, folder: Path) -> Union[MaskRecord, str]:
    """What is known of a mask, or what is wrong with it."""
    try:
        return read_mask(picture, folder)
    except SplitError as error:
        return str(error)


def write_mask(picture: Picture, folder: Path) -> MaskRecord:
    """Draw a mask, write it and check what has been written."""
    path = folder / f'{picture.name}.png'
    unfinished = path.with_suffix('.png.tmp')
    Image.fromarray(draw_mask(picture)).save(unfinished, format='PNG')
    os.replace(unfinished, path)
    return read_mask(picture, folder)


def for_each(work: Callable, pictures: Sequence[Picture], folder: Path,
             nproc: int) -> Dict[str, Any]:
    """What ``work(picture, folder)`` returns, by name; with a progress bar."""
    results = map_parallel(partial(work, folder=folder), pictures, nproc)
    return {picture.name: result
            for picture, result in zip(pictures, results, strict=True)}
