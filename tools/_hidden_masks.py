"""Weak views of unlabelled images whose masks are at hand, and what is said.

The studies of ``analysis_tools`` share this: how good and how honest pseudo
labels are, on data whose masks are hidden from training alone.
"""

import argparse
from typing import Iterator, List, Tuple

import numpy as np
import torch
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from mmseg.models import SegDataPreProcessor
from mmseg.models.utils import resize
from mmseg.registry import DATASETS, MODELS
from torch import Tensor

from mmseg_pseudoseg.evaluation.confusion_matrix_metric import (
    confusion_matrix,
)
from mmseg_pseudoseg.models.decode_heads import SGCOutput
from mmseg_pseudoseg.weights import check_classes, load_checked

IGNORE = 255


def parser(description: str) -> argparse.ArgumentParser:
    """A command line with config, checkpoint, number and overrides.

    Args:
        description (str): What the tool answers.

    Returns:
        ArgumentParser: The tool may add options of its own.
    """
    result = argparse.ArgumentParser(
        description=description,
        epilog='Reads the masks of unlabelled images, in the folder that the '
        "config's unlabelled part names: for studies on data whose masks are "
        'hidden from training.')
    result.add_argument('config', help='a config of SemiSegmentor')
    result.add_argument('checkpoint')
    result.add_argument('--num', type=int, default=192,
                        help='images, drawn with seed 0 (default: '
                        '%(default)s)')
    result.add_argument('--cfg-options', nargs='+', action=DictAction,
                        metavar='KEY=VALUE', help='override keys')
    return result


def load(args: argparse.Namespace) -> Tuple[Config, torch.nn.Module]:
    """The config, and its network as the weak pass runs it."""
    cfg = Config.fromfile(args.config)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    init_default_scope(cfg.default_scope)
    if 'sgc_head' not in cfg.model:
        raise SystemExit(f'error: {args.config}: model.sgc_head is missing; '
                         'pseudo labels need a SemiSegmentor')
    model = MODELS.build(cfg.model)
    try:
        checkpoint = load_checked(model, args.checkpoint, args.config,
                                  whole=True)
        check_classes(
            checkpoint, cfg.train_dataloader.dataset.unlabeled.get(
                'metainfo', {}).get('classes', ()), args.checkpoint)
    except ValueError as error:
        raise SystemExit(f'error: {error}') from error
    model.eval()
    model.sgc_head.norm.train()  # its own batch, as in training
    return cfg, model


def weak_views(cfg: Config, num: int) -> List[dict]:
    """Weak views of unlabelled images with their masks.

    Args:
        cfg (Config): A config of ``SemiSegmentor``.
        num (int): How many.

    Returns:
        list[dict]: Samples as ``PackSegInputs`` makes them.

    Raises:
        SystemExit: If the config does not say where the masks are.
    """
    part = cfg.train_dataloader.dataset.unlabeled
    geometry = [
        step for step in part.pipeline
        if step['type'].startswith('Random')
    ]
    part.pipeline = [
        dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
        *geometry, dict(type='PackSegInputs')
    ]
    dataset = DATASETS.build(part)
    if 'seg_map_path' not in dataset.get_data_info(0):
        key = 'train_dataloader.dataset.unlabeled.data_prefix.seg_map_path'
        raise SystemExit(
            f'error: {cfg.filename}: {key} is missing: name the folder of the '
            f'hidden masks with --cfg-options {key}=FOLDER, relative to '
            f'data_root={part.get("data_root")}')
    np.random.seed(0)
    return [dataset[int(i)] for i in np.random.permutation(len(dataset))[:num]]


def batches(model: torch.nn.Module, samples: List[dict],
            size: int) -> Iterator[Tuple[Tensor, Tensor]]:
    """Images as the network takes them, with their masks.

    Args:
        model (nn.Module): Its preprocessor is used.
        samples (list[dict]): Of :func:`weak_views`.
        size (int): Images in a batch.

    Yields:
        tuple[Tensor, Tensor]: Normalised images (N, 3, H, W), and masks
        int64, (N, H, W), 255 where padded or void.
    """
    for i in range(0, len(samples), size):
        batch = samples[i:i + size]
        data = SegDataPreProcessor.forward(model.data_preprocessor, {
            key: [sample[key] for sample in batch]
            for key in ('inputs', 'data_samples')
        }, True)
        yield data['inputs'], torch.stack(
            [s.gt_sem_seg.data[0] for s in data['data_samples']]).long()


@torch.no_grad()
def sources(model: torch.nn.Module, inputs: Tensor,
            masks: Tensor) -> Tuple[Tensor, SGCOutput, Tensor]:
    """What decoder and SGC head say about weak views.

    Args:
        model (nn.Module): ``SemiSegmentor``; image-level labels come from
            the masks where it uses them.
        inputs (Tensor): (N, 3, H, W), normalised.
        masks (Tensor): (N, H, W).

    Returns:
        tuple: The decoder's logits (N, C, H', W'), the SGC head's output,
        and the true image-level labels, (N, C-1).
    """
    truth = model.sgc_head.image_labels(masks)
    feats = model.extract_feat(inputs)
    sgc = model.sgc_head(feats, truth if model.use_image_labels else None,
                         (masks != IGNORE)[:, None])
    return model.decode(feats), sgc, truth


def to_masks(values: Tensor, masks: Tensor) -> Tensor:
    """Logits or probabilities (N, C, h, w) at the masks' size."""
    return resize(values, masks.shape[1:], mode='bilinear',
                  align_corners=True)


def count(labels: Tensor, masks: Tensor, num_classes: int) -> np.ndarray:
    """Confusion matrix, rows the truth, of pixels with label and mask."""
    said = labels != IGNORE
    return confusion_matrix(
        labels[said], masks[said], num_classes, IGNORE).cpu().numpy()


def mean_iou(confusion: np.ndarray) -> float:
    """Mean IoU, in [0, 1], of the classes labelled or true somewhere."""
    right = np.diag(confusion)
    union = confusion.sum(0) + confusion.sum(1) - right
    return float((right[union > 0] / union[union > 0]).mean())
