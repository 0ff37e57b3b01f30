"""Crops against images, and what a batch of one GPU holds."""

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from _benchmark import counts
from _data_findings import ERROR, NOTE, WARNING, Finding, plural
from _data_lists import Sheet
from _data_parts import LABELED, UNLABELED, Part, find_step
from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmengine.config import Config
from mmengine.dataset import Compose
from mmseg.datasets.transforms import RandomCrop
from mmseg.registry import TRANSFORMS

from mmseg_pseudoseg.datasets import CheckAnnotations, LoadBlankAnnotations
from mmseg_pseudoseg.datasets.semi_dataset import local_seed

DRAWS = 256  # crops that are simulated
MUCH = 1 / 3  # of a crop that is padding
SKIPPED = (LoadImageFromFile, LoadAnnotations, LoadBlankAnnotations,
           CheckAnnotations)


def crop_size(cfg: Config, part: Part) -> Optional[Tuple[int, int]]:
    """Height and width of the views, None where nothing fixes them."""
    size = cfg.model.get('data_preprocessor', {}).get('size')
    step = find_step(part.cfg, RandomCrop)
    size = size or (step and step.crop_size)
    if size is None:
        return None
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def before_crop(part: Part) -> List[dict]:
    """The steps that change the size before the crop."""
    steps = []
    for step in part.cfg.pipeline:
        kind = TRANSFORMS.get(step['type']) if isinstance(
            step['type'], str) else step['type']
        if issubclass(kind, RandomCrop):
            return steps
        if not issubclass(kind, SKIPPED):
            steps.append(step)
    return []


def simulate(cfg: Config, sheet: Sheet) -> Dict[str, float]:
    """Crop blank images of the real sizes with the config's own steps.

    Args:
        cfg (Config): The config.
        sheet (Sheet): A training part.

    Returns:
        dict[str, float]: ``crop_height``, ``crop_width``; shares in [0, 1]:
        mean ``padding`` of a crop, ``smaller`` (images with a side below that
        of the crop), mean ``seen`` (the part of an image in a crop). Empty
        without a crop.
    """
    crop = crop_size(cfg, sheet.part)
    sizes = [facts.size for facts in sheet.facts if facts.size]
    if crop is None or not sizes or find_step(
            sheet.part.cfg, RandomCrop) is None:
        return {}
    steps = Compose(before_crop(sheet.part))
    picks = np.linspace(0, len(sizes) - 1, DRAWS).round().astype(int)
    after = []
    with local_seed(0):
        for height, width in (sizes[i] for i in picks):
            results = dict(img=np.zeros((height, width, 3), np.uint8),
                           gt_seg_map=np.zeros((height, width), np.uint8),
                           seg_fields=['gt_seg_map'],
                           img_shape=(height, width),
                           ori_shape=(height, width))
            after.append(steps(results)['img'].shape[:2])
    resized = np.array(after)
    real = np.minimum(resized, crop).prod(1)
    return dict(
        crop_height=crop[0], crop_width=crop[1],
        padding=float(1 - real.mean() / np.prod(crop)),
        smaller=float((resized < crop).any(1).mean()),
        seen=float((real / resized.prod(1)).mean()))


def crop_findings(cfg: Config, sheet: Sheet) -> List[Finding]:
    """What the crops of a training part show."""
    key = f'{sheet.part.key}.pipeline'
    try:
        crop = simulate(cfg, sheet)
    except Exception as error:  # steps of any kind, on blank images
        return [Finding(NOTE, key, 'the crops cannot be simulated: '
                        f'{type(error).__name__}: {error}')]
    if not crop:
        return []
    size = f'{crop["crop_height"]:.0f} x {crop["crop_width"]:.0f}'
    text = (f'a crop of {size} shows {100 * crop["seen"]:.0f} % of a resized '
            f'image and is {100 * crop["padding"]:.0f} % padding on average; '
            f'{100 * crop["smaller"]:.0f} % of the resized images are smaller '
            'in a side')
    much = crop['padding'] > MUCH
    return [Finding(
        WARNING if much else NOTE, key, text,
        'take a smaller crop_size (in RandomCrop of both pipelines, CutOut.'
        'canvas and model.data_preprocessor.size), or a larger scale'
        if much else '')]


def batch(cfg: Config, path: str) -> Dict[str, int]:
    """Images of each training part in a batch of one GPU.

    Raises:
        SystemExit: If ``source_ratio`` does not fit the batch.
    """
    loader = cfg.train_dataloader
    if 'source_ratio' in (loader.get('batch_sampler') or {}):
        return dict(zip((LABELED, UNLABELED), counts(cfg, path)))
    return {LABELED: loader.get('batch_size', 1)}


def batch_findings(cfg: Config, path: str,
                   sheets: Sequence[Sheet]) -> List[Finding]:
    """How often the images of each part come."""
    key = 'train_dataloader.batch_size'
    try:
        number = batch(cfg, path)
    except SystemExit as error:
        return [Finding(ERROR, key, str(error), 'see the message')]
    loop: Any = cfg.get('train_cfg') or {}
    result = []
    for role, images in number.items():
        total = sum(len(s.part.infos) for s in sheets if s.part.role == role)
        if not total:  # said elsewhere
            continue
        text = f'{images} {role} images of {total} a batch and GPU'
        if loop.get('max_iters'):
            text += (f'; {loop["max_iters"]} iterations see each '
                     f'{loop["max_iters"] * images / total:.1f} times, on '
                     'one GPU')
        few = total < images
        result.append(Finding(
            WARNING if few else NOTE, key, text + (
                ': fewer than a batch takes' if few else ''),
            f'lower the batch to {plural(total, "image")} of that part, or '
            'add images' if few else ''))
    return result
