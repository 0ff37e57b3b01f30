"""Which classes a segmentation network takes for which."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence

import torch
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A cell of more classes than this has no room for its number.
MOST_NUMBERS = 25


def confusion_matrix(predicted: Tensor,
                     truth: Tensor,
                     num_classes: int,
                     ignore_index: int = 255) -> Tensor:
    """Count the pixels of each true class under each predicted one.

    Args:
        predicted (Tensor): Class ids, any integer type, any shape.
        truth (Tensor): The same, in the same shape.
        num_classes (int): C.
        ignore_index (int): Where ``truth`` has it, a pixel is left out.

    Returns:
        Tensor: int64, (C, C); rows are the truth, columns the prediction.

    Raises:
        ValueError: If a class of a pixel that counts is not in [0, C).
    """
    valid = truth != ignore_index
    truth, predicted = truth[valid].long(), predicted[valid].long()
    for name, labels, remedy in (
        ('masks hold', truth, 'set reduce_zero_label of the data set or '
         'ignore_index of the metric'),
        ('the network predicts', predicted, 'decode_head.num_classes and the '
         "data set's metainfo must agree")):
        outside = (labels < 0) | (labels >= num_classes)
        if outside.any():
            raise ValueError(f'{name} class {int(labels[outside][0])}, but '
                             f'there are {num_classes} classes; {remedy}')
    return (truth * num_classes + predicted).bincount(
        minlength=num_classes**2).view(num_classes, num_classes)


def class_iou(matrix: Tensor) -> Tensor:
    """Intersection over union of each class.

    Args:
        matrix (Tensor): (C, C), as :func:`confusion_matrix` gives it.

    Returns:
        Tensor: In [0, 1], float64, (C,); nan for a class that is neither
        true nor predicted anywhere.
    """
    right = matrix.diagonal().double()
    return right / (matrix.sum(dim=0) + matrix.sum(dim=1) - right)


def draw_confusion_matrix(matrix: Tensor, classes: Sequence[str]
                          ) -> 'Figure':
    """Draw what share of each true class is predicted as which class.

    Every row adds up to 100 %; the row of a class without a pixel is grey.
    Numbers stand in the cells of up to 25 classes. The figure needs no
    display and leaves pyplot alone.

    Args:
        matrix (Tensor): (C, C), as :func:`confusion_matrix` gives it.
        classes (Sequence[str]): C names.

    Returns:
        Figure: To be saved with ``savefig``.
    """
    from matplotlib.figure import Figure  # half a second of every start
    shares = (100 * matrix / matrix.sum(dim=1, keepdim=True)).tolist()
    size = max(4., 0.55 * len(classes) + 1.5)
    figure = Figure(figsize=(size + 0.8, size), layout='constrained')
    panel = figure.subplots()
    panel.set_facecolor('0.8')
    image = panel.imshow(shares, cmap='Blues', vmin=0, vmax=100)
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            if len(classes) <= MOST_NUMBERS and share == share:  # not nan
                panel.text(j, i, f'{share:.0f}', ha='center', va='center',
                           fontsize=8, color='w' if share > 50 else 'k')
    panel.set_xticks(range(len(classes)), classes, rotation=90)
    panel.set_yticks(range(len(classes)), classes)
    panel.set(xlabel='predicted', ylabel='true')
    figure.colorbar(image, ax=panel, shrink=0.8,
                    label='share of the true class in %')
    return figure


@METRICS.register_module()
class ConfusionMatrixMetric(BaseMetric):
    """The whole confusion matrix, beside ``IoUMetric``.

    The stock ``IoUMetric`` counts the diagonal and the two margins, so that
    it cannot say which class a pixel was lost to. Of each image the cells
    that are not 0 are kept, in int64; processes exchange them once, as
    ``BaseMetric`` does, which leaves out what a distributed sampler repeats.

    Reported: ``IoU.<class>`` in per cent, unrounded; nan for a class that is
    neither true nor predicted.

    Args:
        ignore_index (int): Label of pixels that do not count.
        out_dir (str, optional): Folder that gets ``confusion_matrix.csv``
            (pixels; rows are the truth) and ``confusion_matrix.png`` (shares
            of each true class), anew at each evaluation.
        **kwargs: Of ``BaseMetric``.
    """

    def __init__(self,
                 ignore_index: int = 255,
                 out_dir: Optional[str] = None,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.ignore_index = ignore_index
        self.out_dir = None if out_dir is None else Path(out_dir)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of a batch.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): With ``pred_sem_seg`` and
                ``gt_sem_seg``, (1, H, W).

        Raises:
            ValueError: If labels do not fit the data set's classes.
        """
        for sample in data_samples:
            predicted = sample['pred_sem_seg']['data']
            cells = confusion_matrix(
                predicted, sample['gt_sem_seg']['data'].to(predicted.device),
                len(self._classes), self.ignore_index).flatten().cpu()
            places = cells.nonzero().squeeze(1)
            self.results.append((places, cells[places]))

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Add up the images; write the files where they are asked for.

        Args:
            results (list): For each image the places in the flattened
                matrix that are not 0, and their counts.

        Returns:
            dict[str, float]: ``IoU.<class>``.
        """
        number = len(self._classes)
        cells = torch.zeros(number**2, dtype=torch.int64)
        for places, counts in results:
            cells[places] += counts
        matrix = cells.view(number, number)
        if self.out_dir is not None:
            self._write(matrix, self.out_dir)
        return {
            f'IoU.{name}': value
            for name, value in zip(
                self._classes, (100 * class_iou(matrix)).tolist(), strict=True)
        }

    @property
    def _classes(self) -> Sequence[str]:
        """Names of the data set's classes."""
        return (self.dataset_meta or {})['classes']

    def _write(self, matrix: Tensor, folder: Path) -> None:
        """Write the counts and the picture."""
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / 'confusion_matrix.csv', 'w', newline='') as file:
            table = csv.writer(file)
            table.writerow(['true / predicted', *self._classes])
            table.writerows([name, *row] for name, row in zip(
                self._classes, matrix.tolist(), strict=True))
        draw_confusion_matrix(matrix, self._classes).savefig(
            folder / 'confusion_matrix.png', dpi=100)
