"""How far a segmentation network's confidence can be trusted."""

from pathlib import Path
from typing import Dict, List, Optional, Sequence

import torch
from mmengine.dist import all_reduce, get_dist_info, is_main_process
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS

from .calibration import (
    Bins,
    bin_pixels,
    expected_error,
    maximum_error,
    top_label,
)
from .reliability_diagram import reliability_diagram


@METRICS.register_module()
class CalibrationMetric(BaseMetric):
    """Expected and maximum calibration error of pixels, beside ``IoUMetric``.

    MMSegmentation has no such metric, and torchmetrics' keeps every pixel and
    counts in float32. This one keeps two fixed sets of bins, whatever the
    number of images, and adds them up once over the processes.

    Reported, as fractions in [0, 1] and unrounded: ``ECE`` and ``MCE`` (Guo et
    al., 2017), and ``ECE.<class>``, the ECE of the pixels that are predicted
    as the class: top-label calibration (Gupta and Ramdas, 2022), *not* the
    classwise-ECE of Kull et al. (2019), which bins the probability of a class
    over all pixels. Classes never predicted are nan, and everything is if all
    pixels are ignored.

    The confidence is the largest softmax probability; of a network with
    ``out_channels=1``, the larger of the sigmoid and 1 minus it. For such a
    network the prediction is therefore the side of 0.5, whatever
    ``decode_head.threshold`` is. Under test-time augmentation MMSegmentation
    leaves the logits of one view, so those are what is measured.

    Args:
        num_bins (int): Bins of equal width; 15 in Guo et al. (2017).
        ignore_index (int): Label of pixels that do not count.
        out_dir (str, optional): Folder that gets ``reliability.png``, a
            diagram over all classes, anew at each evaluation.
        **kwargs: Of ``BaseMetric``.

    Raises:
        ValueError: If the number of bins is not positive.
    """

    def __init__(self,
                 num_bins: int = 15,
                 ignore_index: int = 255,
                 out_dir: Optional[str] = None,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if num_bins < 1:
            raise ValueError(
                f'CalibrationMetric.num_bins must be positive, not {num_bins}')
        self.num_bins = num_bins
        self.ignore_index = ignore_index
        self.out_dir = None if out_dir is None else Path(out_dir)
        self._images = 0

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Add the pixels of a batch.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): With ``seg_logits``, (C, H, W) or
                (1, H, W) as :func:`top_label` takes them, and ``gt_sem_seg``,
                (1, H, W).

        Raises:
            ValueError: If channels or labels do not fit the data set's
                classes.
        """
        for sample in data_samples:
            bins = self._bins(sample)
            # All but the last image, and the last: it may be padding.
            if self.results:
                bins_before = sum(self.results[1:], self.results[0])
                self.results[:] = [bins_before]
            self.results.append(bins)
            self._images += 1

    def evaluate(self, size: int) -> Dict[str, float]:
        """Add up all processes and compute the errors.

        ``BaseMetric`` collects a list with an entry an image; here one sum of
        fixed size is enough.

        Args:
            size (int): Images of the data set. A sampler that pads repeats
                some, at most one a process; these are left out.

        Returns:
            dict[str, float]: The same in every process.

        Raises:
            ValueError: If more images came in than padding explains.
        """
        kept, images = list(self.results), self._images
        self.results.clear()
        self._images = 0
        rank, world = get_dist_info()
        total = torch.tensor(images)
        all_reduce(total)
        surplus = int(total) - size
        if surplus >= world:
            raise ValueError(
                f'CalibrationMetric got {int(total)} images of a data set of '
                f'{size}: evaluate once after each pass over it')
        # DefaultSampler deals image i to process i % world.
        if surplus > 0 and (images - 1) * world + rank >= size:
            kept.pop()
        bins = sum(kept, Bins.zeros(self._num_classes, self.num_bins))
        for part in bins.parts:
            all_reduce(part)
        metrics = self.compute_metrics([bins])
        if self.prefix:
            return {f'{self.prefix}/{k}': v for k, v in metrics.items()}
        return metrics

    def compute_metrics(self, results: List[Bins]) -> Dict[str, float]:
        """The errors, and the diagram where it is asked for.

        Args:
            results (list[Bins]): One record, (C, B).

        Returns:
            dict[str, float]: ``ECE``, ``MCE`` and ``ECE.<class>``.
        """
        bins, = results
        pooled = bins.pooled()
        if self.out_dir is not None and is_main_process():
            self.out_dir.mkdir(parents=True, exist_ok=True)
            reliability_diagram(dict(all=pooled)).savefig(
                self.out_dir / 'reliability.png', dpi=150)
        errors = dict(ECE=float(expected_error(pooled)),
                      MCE=float(maximum_error(pooled)))
        for name, error in zip(self._classes, expected_error(bins).tolist(),
                               strict=True):
            errors[f'ECE.{name}'] = error
        return errors

    @property
    def _classes(self) -> Sequence[str]:
        """Names of the data set's classes."""
        return (self.dataset_meta or {})['classes']

    @property
    def _num_classes(self) -> int:
        """C."""
        return len(self._classes)

    def _bins(self, sample: dict) -> Bins:
        """One image's bins, (C, B), on the CPU."""
        logits = sample['seg_logits']['data']
        channels = 2 if len(logits) == 1 else len(logits)
        if channels != self._num_classes:
            raise ValueError(
                f'seg_logits has {len(logits)} channels, but the data set '
                f'{self._num_classes} classes; decode_head.num_classes and '
                "the data set's metainfo must agree")
        truth = sample['gt_sem_seg']['data'].squeeze(0).to(logits.device)
        return bin_pixels(*top_label(logits), truth, channels, self.num_bins,
                          self.ignore_index).cpu()
