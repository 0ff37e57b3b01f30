"""Batches of noise, as a semi-supervised loader delivers them."""

from copy import deepcopy
from typing import List, Sequence

import numpy as np
from _benchmark import PARTS
from _networks import heads
from mmengine.config import Config
from mmseg.registry import TRANSFORMS

from mmseg_pseudoseg.datasets import multi_branch_collate

IGNORE = 255
BLOCK = 32  # pixels of one class, in each direction


def scene(shape: Sequence[int], num_classes: int, labelled: bool, tags: bool,
          rng: np.random.Generator) -> dict:
    """What a pipeline has in hand behind the crop.

    Args:
        shape (Sequence[int]): Height and width.
        num_classes (int): C.
        labelled (bool): With a mask of blocks, background, two classes and
            ignored pixels among them; else with a blank one.
        tags (bool): With image-level labels, each class in every other image.
        rng (Generator): Source of pixels, blocks and labels.

    Returns:
        dict: ``results`` for a transform.
    """
    height, width = shape
    mask = np.zeros((height, width), np.uint8)
    if labelled:
        known = [0, IGNORE, *rng.integers(1, num_classes, 2)]
        rows, columns = -(-height // BLOCK), -(-width // BLOCK)
        blocks = rng.choice(known, (rows, columns), p=[.5, .1, .2, .2])
        mask = blocks.astype(np.uint8).repeat(BLOCK, 0).repeat(
            BLOCK, 1)[:height, :width].copy()
    results = dict(
        img=rng.integers(0, 256, (height, width, 3), np.uint8),
        gt_seg_map=mask, seg_fields=['gt_seg_map'],
        img_shape=(height, width), ori_shape=(height, width))
    if tags:
        results['image_labels'] = rng.integers(0, 2, num_classes - 1).astype(
            np.float32)
    return results


def synthetic_batch(cfg: Config, number: Sequence[int],
                    shape: Sequence[int]) -> dict:
    """A batch as the loader delivers it, from noise.

    The last step of the config's own pipelines makes the views, so that they
    have its jitter, its erased boxes (on a canvas of ``shape``) and its types.

    Args:
        cfg (Config): A semi-supervised config.
        number (Sequence[int]): Labelled and unlabelled images.
        shape (Sequence[int]): Height and width of the crop.

    Returns:
        dict: Of ``multi_branch_collate``.

    Raises:
        SystemExit: If a pipeline does not end with ``MultiBranch``.
    """
    rng = np.random.default_rng(0)
    np.random.seed(0)
    num_classes = heads(cfg.model)[-1].num_classes
    samples: List[dict] = []
    for part, count in zip(PARTS, number):
        data = cfg.train_dataloader.dataset[part]
        while 'datasets' in data:  # a ConcatDataset: its first one
            data = data.datasets[0]
        last = deepcopy(data.pipeline[-1])
        if last['type'] != 'MultiBranch':
            raise SystemExit(
                f'error: train_dataloader.dataset.{part}.pipeline ends with '
                f'{last["type"]}; a semi-supervised one ends with MultiBranch')
        for step in last.get('strong', ()):
            if step['type'] == 'CutOut':
                step['canvas'] = tuple(shape)
        views, labelled = TRANSFORMS.build(last), part == 'labeled'
        tags = cfg.model.get('image_labels', False) and not labelled
        samples += [views(scene(shape, num_classes, labelled, tags, rng))
                    for _ in range(count)]
    return multi_branch_collate(samples)
