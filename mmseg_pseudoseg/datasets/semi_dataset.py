"""A labelled and an unlabelled dataset behind one index."""

import os.path as osp
import random
from contextlib import contextmanager
from typing import Iterator, NamedTuple, Optional, Union

import numpy as np
from mmengine.dataset import BaseDataset, ConcatDataset
from mmseg.registry import DATASETS

from .image_labels import read_tag_file


class SeededIndex(NamedTuple):
    """An index with the seed of everything random in its pipeline."""

    position: int
    seed: int


@contextmanager
def local_seed(seed: int) -> Iterator[None]:
    """Seed ``random`` and ``numpy.random``; restore their state on exit."""
    states = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


@DATASETS.register_module()
class SemiDataset(ConcatDataset):
    """Two stock datasets with names, so that a config can change one path.

    ``ConcatDataset`` takes a list of datasets; a list in a child config
    replaces the base's, while named parts merge. Samples of ``labeled`` come
    first, those of ``unlabeled`` start at ``cumulative_sizes[0]``.

    Args:
        labeled (dict | BaseDataset): Images with masks.
        unlabeled (dict | BaseDataset): Images; only their list and their
            files are read.
        tag_file (str, optional): Image-level labels of the unlabelled images,
            relative to their ``data_root`` unless absolute. One line an image:
            its id, then class names, separated by blanks (or by tabs, where
            class names have blanks). Given to the pipeline as
            ``image_labels``, float32, (C-1,).

    Raises:
        ValueError: If a part is empty, or a tag file does not fit.
    """

    def __init__(self,
                 labeled: Union[dict, BaseDataset],
                 unlabeled: Union[dict, BaseDataset],
                 tag_file: Optional[str] = None) -> None:
        super().__init__([
            self._build('labeled', labeled),
            self._build('unlabeled', unlabeled)
        ])
        self.image_labels = None
        if tag_file is not None:
            part = self.datasets[1]
            if part.data_root is not None:
                tag_file = osp.join(part.data_root, tag_file)
            ids = [
                image_id(part.get_data_info(i)['img_path'])
                for i in range(len(part))
            ]
            self.image_labels = read_tag_file(tag_file, ids,
                                              part.metainfo['classes'])

    @staticmethod
    def _build(name: str, part: Union[dict, BaseDataset]) -> BaseDataset:
        """Build a part whose list has images."""
        if isinstance(part, dict):
            part = DATASETS.build(dict(part, lazy_init=True))
        if not part._fully_initialized and not part.load_data_list():
            raise ValueError(
                f'train_dataloader.dataset.{name} has no image: '
                f'{part.ann_file or part.data_prefix["img_path"]} is empty')
        return part

    @property
    def source_sizes(self) -> dict:
        """Number of images of each part, by name."""
        return dict(
            labeled=len(self.datasets[0]), unlabeled=len(self.datasets[1]))

    def __getitem__(self, index: Union[int, SeededIndex]) -> dict:
        """One sample, packed by its part's pipeline.

        Args:
            index (int | SeededIndex): With a seed, the sample is a function of
                the index and the seed alone, in whichever process it is made.

        Returns:
            dict: The pipeline's output.

        Raises:
            ValueError: Naming the files, if one of them cannot be read and
                the reader's own error does not name it.
        """
        if isinstance(index, SeededIndex):
            with local_seed(index.seed):
                return self[index.position]
        source, position = self._get_ori_dataset_idx(index)
        part = self.datasets[source]
        info = part.get_data_info(position)
        if source == 1 and self.image_labels is not None:
            info['image_labels'] = self.image_labels[position].astype(
                np.float32)
        paths = info['img_path'], info.get('seg_map_path')
        try:
            return part.pipeline(info)
        except Exception as error:
            if any(path and path in str(error) for path in paths):
                raise
            raise ValueError(
                f'cannot load {paths[0]} or its mask {paths[1]} (is one of '
                f'them damaged?): {error}') from error


def image_id(path: str) -> str:
    """The file's name without folder and suffix."""
    return osp.splitext(osp.basename(path))[0]
