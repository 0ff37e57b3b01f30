"""Offline pseudo labels of self-training."""

import os
import os.path as osp
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS
from PIL import Image
from torch import Tensor

from ..datasets.image_names import output_name

IGNORE = 255


def one_hot_labels(logits: Tensor, threshold: float) -> Tensor:
    """Classes where the network is sure, 255 elsewhere.

    Args:
        logits (Tensor): (C, H, W).
        threshold (float): A pixel is kept if its softmax confidence is
            higher.

    Returns:
        Tensor: uint8, (H, W).
    """
    confidence, label = logits.float().softmax(dim=0).max(dim=0)
    return label.masked_fill(confidence <= threshold, IGNORE).to(torch.uint8)


def write_mask(label: np.ndarray, path: Path) -> None:
    """Write a mask whole or not at all, its folder as well.

    Args:
        label (np.ndarray): uint8 or uint16, (H, W).
        path (Path): A .png.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f'.part{os.getpid()}')
    Image.fromarray(label).save(part, format='PNG')
    os.replace(part, path)


@METRICS.register_module()
class PseudoLabelWriter(BaseMetric):
    """Save what a teacher is sure of as masks, for a student to train on.

    The stock ``IoUMetric`` saves masks too (``output_dir``), but not the
    confidence, and a run that is killed leaves half a file. Being a metric,
    it runs in the stock test loop, over any number of processes.

    Args:
        out_dir (str): Folder of the masks, ``<image's name>.png``; uint8,
            as the data set's own masks are, 255 where ignored.
        img_dir (str, optional): Folder of the images: the folders below it
            are kept, as the ids of a list name them.
        threshold (float): Confidence above which a pixel keeps its class, in
            [0, 1); 0.5 in Zoph et al. (2020), whom table 6 follows.
        **kwargs: Of ``BaseMetric``.

    Raises:
        ValueError: If the threshold is out of range or the network has one
            output channel.
    """

    def __init__(self, out_dir: str, threshold: float = 0.5,
                 img_dir: Optional[str] = None, **kwargs) -> None:
        super().__init__(**kwargs)
        if not 0 <= threshold < 1:
            raise ValueError('test_evaluator.threshold must be in [0, 1), not '
                             f'{threshold}')
        self.out_dir = Path(out_dir)
        self.threshold = threshold
        self.img_dir = img_dir
        self.out_dir.mkdir(parents=True, exist_ok=True)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Write the masks of a batch.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): With ``img_path`` and
                ``seg_logits``, (C, H, W), at the image's own size.
        """
        for sample in data_samples:
            logits = sample['seg_logits']['data']
            if len(logits) == 1:
                raise ValueError(
                    'the network has one output channel; pseudo labels need '
                    'a channel a class (decode_head.out_channels)')
            label = one_hot_labels(logits, self.threshold).cpu().numpy()
            kept = np.bincount(label[label != IGNORE], minlength=len(logits))
            self.results.append((kept.tolist(), label.size))
            self._save(label, output_name(
                sample['img_path'], self.img_dir
                or osp.dirname(sample['img_path'])))

    def _save(self, label: np.ndarray, name: str) -> None:
        """Write one mask, whole or not at all."""
        if self.dataset_meta.get('reduce_zero_label'):
            # The loader subtracts 1 from what it reads, but for 255.
            label = np.where(label == IGNORE, IGNORE, label + 1)
        write_mask(label.astype(np.uint8), self.out_dir / f'{name}.png')

    def compute_metrics(
            self, results: List[Tuple[List[int], int]]) -> Dict[str, float]:
        """Share of the pixels that have a label, in per cent; by class.

        Args:
            results (list): For each image, the labelled pixels of each class
                and all its pixels.

        Returns:
            dict[str, float]: ``labeled`` and ``labeled.<class>``.
        """
        total = sum(size for _, size in results)
        kept = np.sum([counts for counts, _ in results], axis=0)
        shares = {'labeled': 100 * float(kept.sum()) / total}
        for name, count in zip(self.dataset_meta['classes'], kept,
                               strict=True):
            shares[f'labeled.{name}'] = 100 * float(count) / total
        return shares
