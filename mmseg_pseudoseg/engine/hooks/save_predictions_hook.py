"""Predictions of a test as files that are named like the images."""

import os
from pathlib import Path
from typing import Dict, Optional, Sequence

import cv2
import mmcv
import numpy as np
from mmengine.dist import is_main_process
from mmengine.fileio import get
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample

from ...datasets.image_names import output_names
from ...evaluation.pseudo_label_writer import write_mask
from .panel import BAR, GAP, IGNORE, colours, legend, write

MIN_WIDTH = 160  # of a picture: room for names


def labels_of(data: object) -> np.ndarray:
    """Labels as an array (H, W); test-time augmentation drops an axis."""
    array = data.cpu().numpy()  # type: ignore[attr-defined]
    return array.reshape(array.shape[-2:])


@HOOKS.register_module()
class SavePredictionsHook(Hook):
    """Write what a test predicts: classes, and pictures to look at.

    The stock ``IoUMetric`` and ``SegVisualizationHook`` name files after the
    image without its folder, so that ``camB/0001.jpg`` replaces
    ``camA/0001.jpg``, or behind it after a running number, and the latter
    draws with matplotlib, several times as long as the network takes. Here
    the folders below ``data_prefix.img_path`` are kept, and OpenCV draws.

    Args:
        mask_dir (str, optional): Folder of the classes, ``NAME.png``: uint8,
            or uint16 for more than 256 classes; as the data set's own masks
            are (with ``reduce_zero_label`` one more).
        picture_dir (str, optional): Folder of ``NAME.jpg``: the image under
            the classes' colours, the true mask beside it where there is one,
            and a legend.
        opacity (float): Of the colours, in (0, 1].

    Raises:
        ValueError: If ``opacity`` is out of range, two images would get one
            name, or an image cannot be shown.
    """

    def __init__(self,
                 mask_dir: Optional[str] = None,
                 picture_dir: Optional[str] = None,
                 opacity: float = 0.6) -> None:
        if not 0 < opacity <= 1:
            raise ValueError('SavePredictionsHook.opacity must be in (0, 1], '
                             f'not {opacity}')
        self.mask_dir = mask_dir and Path(mask_dir)
        self.picture_dir = picture_dir and Path(picture_dir)
        self.opacity = opacity
        self.names: Dict[str, str] = {}

    def before_test(self, runner: Runner) -> None:
        """Name the files, before anything is computed."""
        dataset = runner.test_dataloader.dataset
        self.names = output_names(dataset)
        meta = dataset.metainfo
        self.classes: Sequence[str] = meta['classes']
        self.colours = colours(meta['palette'])
        self.shift = int(bool(meta.get('reduce_zero_label')))

    def after_test_iter(self,
                        runner: Runner,
                        batch_idx: int,
                        data_batch: object = None,
                        outputs: Optional[Sequence[SegDataSample]] = None
                        ) -> None:
        """Write the predictions of a batch."""
        for sample in outputs or ():
            name = self.names[sample.img_path]
            label = labels_of(sample.pred_sem_seg.data)
            if self.mask_dir:
                write_mask(self._stored(label), self.mask_dir / f'{name}.png')
            if self.picture_dir:
                path = self.picture_dir / f'{name}.jpg'
                path.parent.mkdir(parents=True, exist_ok=True)
                mmcv.imwrite(self.draw(sample, label), str(path))

    def after_test(self, runner: Runner) -> None:
        """Say where the files are."""
        if is_main_process():
            for what, folder in (('masks', self.mask_dir),
                                 ('pictures', self.picture_dir)):
                if folder:
                    print_log(f'{len(self.names)} {what}: {folder}{os.sep}',
                              'current')

    def _stored(self, label: np.ndarray) -> np.ndarray:
        """Labels as the data set's masks have them."""
        label = label + self.shift
        return label.astype(np.uint8 if len(self.classes) <= 256
                            else np.uint16)

    def draw(self, sample: SegDataSample, label: np.ndarray) -> np.ndarray:
        """One picture.

        Args:
            sample (SegDataSample): Of the test; a ``gt_sem_seg`` of the size
                of the label is drawn, too.
            label (np.ndarray): Predicted classes, (H, W).

        Returns:
            np.ndarray: uint8, BGR, (h, w, 3).
        """
        image = mmcv.imfrombytes(get(sample.img_path))
        if image is None:
            raise ValueError(f'{sample.img_path} cannot be shown as a '
                             'picture: leave --show-dir out')
        if image.shape[:2] != label.shape:
            image = cv2.resize(image, label.shape[::-1])
        tiles = dict(prediction=label)
        if 'gt_sem_seg' in sample:
            truth = labels_of(sample.gt_sem_seg.data)
            if truth.shape == label.shape:
                tiles = dict(mask=truth, prediction=label)
        painted = [self._tile(title, image, one)
                   for title, one in tiles.items()]
        width = sum(tile.shape[1] for tile in painted)
        there = np.bincount(np.concatenate(
            [one.ravel() for one in tiles.values()]).astype(np.int64),
            minlength=len(self.classes))
        names = legend([(name, self.colours[k])
                        for k, name in enumerate(self.classes) if there[k]],
                       max(width, MIN_WIDTH))[..., ::-1]
        result = np.full((painted[0].shape[0] + names.shape[0],
                          names.shape[1], 3), 255, np.uint8)
        result[:painted[0].shape[0], :width] = np.hstack(painted)
        result[painted[0].shape[0]:] = names
        return result

    def _tile(self, title: str, image: np.ndarray,
              label: np.ndarray) -> np.ndarray:
        """An image under the colours of a label, below a title, BGR."""
        table = self.colours[:, ::-1]
        label = np.minimum(label, IGNORE)
        flat = cv2.addWeighted(image, 1 - self.opacity,
                               np.ascontiguousarray(table[label]),
                               self.opacity, 0)
        flat[label == IGNORE] = image[label == IGNORE]
        flat = cv2.copyMakeBorder(flat, BAR, GAP, GAP, GAP,
                                  cv2.BORDER_CONSTANT, value=(255,) * 3)
        write(flat, title, GAP, BAR - GAP - 2)
        return flat
