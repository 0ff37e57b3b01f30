"""A labelled and an unlabelled dataset behind one index."""

import copy
import gc
import os.path as osp
import random
from bisect import bisect_right
from contextlib import contextmanager, nullcontext
from typing import Callable, Iterator, NamedTuple, Optional, Union

import numpy as np
from mmengine.dataset import BaseDataset, ConcatDataset
from mmseg.registry import DATASETS

from .corrupt_images import CorruptImages, DamagedFileError, damaged_file
from .file_faults import sentence
from .image_labels import image_id, read_tag_file
from .parts import Part, build_part, find_leaf, for_concat, leaves
from .transforms.loading import check_blank_map


class SeededIndex(NamedTuple):
    """An index with the seed of everything random in its pipeline.

    Attributes:
        position (int): Of the sample in the whole data set.
        seed (int): For ``random`` and ``numpy.random``.
    """

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


@contextmanager
def garbage_kept() -> Iterator[None]:
    """Stop the garbage collector; on exit it is as it was.

    A list makes a million objects and no garbage, and the collector walks
    over them again and again: a sixth of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@DATASETS.register_module()
class SemiDataset(ConcatDataset):
    """Two stock datasets with names, so that a config can change one path.

    ``ConcatDataset`` takes a list of datasets; a list in a child config
    replaces the base's, while named parts merge. Samples of ``labeled`` come
    first, those of ``unlabeled`` start at ``cumulative_sizes[0]``. Pipelines
    get ``num_classes``, of ``metainfo.classes``, with every sample.

    Args:
        labeled (dict | BaseDataset): Images with masks; a ``ConcatDataset``
            of several folders or lists is one part.
        unlabeled (dict | BaseDataset): Images; only their list and their
            files are read.
        tag_file (str, optional): Image-level labels of the unlabelled images,
            relative to their ``data_root`` (several: the first one's) unless
            absolute. One line an image:
            its id, then class names, separated by blanks (or by tabs, where
            class names have blanks). Given to the pipeline as
            ``image_labels``, float32, (C-1,).
        max_corrupt (int): How many samples whose image or mask cannot be
            decoded are replaced, each by another one of its part, before the
            run stops; 0 stops at the first. Every process of a distributed
            run, and a resumed run, counts anew.

    Raises:
        ValueError: If a part is empty, its type another wrapper, a list, a
            tag file or the unlabelled pipeline (:func:`check_blank_map`)
            does not fit, or ``max_corrupt`` is negative.
    """

    def __init__(self,
                 labeled: Union[dict, BaseDataset],
                 unlabeled: Union[dict, BaseDataset],
                 tag_file: Optional[str] = None,
                 max_corrupt: int = 0) -> None:
        if max_corrupt < 0:
            raise ValueError('train_dataloader.dataset.max_corrupt must be 0 '
                             f'or more, not {max_corrupt}')
        key = 'train_dataloader.dataset'
        with garbage_kept():
            super().__init__([
                for_concat(build_part(f'{key}.labeled', labeled)),
                for_concat(build_part(f'{key}.unlabeled', unlabeled))
            ])
        for leaf in leaves(self.datasets[1]):
            check_blank_map(leaf.pipeline)
        self.corrupt = CorruptImages(self, max_corrupt)
        self.image_labels = None
        if tag_file is not None:
            self.image_labels = self._read_tags(tag_file)

    def _read_tags(self, tag_file: str) -> np.ndarray:
        """Image-level labels of the unlabelled images."""
        part = self.datasets[1]
        root = leaves(part)[0].data_root
        if root is not None:
            tag_file = osp.join(root, tag_file)
        ids = [image_id(part.get_data_info(i)['img_path'])
               for i in range(len(part))]
        return read_tag_file(tag_file, ids, part.metainfo['classes'])

    def with_pipelines(self, change: Callable) -> 'SemiDataset':
        """The data set with other pipelines of the unlabelled images.

        Args:
            change (Callable): Makes a pipeline from a pipeline.

        Returns:
            SemiDataset: Shares everything else with this one.
        """
        def changed(part: Part) -> Part:
            part = copy.copy(part)
            if isinstance(part, ConcatDataset):
                part.datasets = [changed(one) for one in part.datasets]
            else:
                part.pipeline = change(part.pipeline)
            return part

        result = copy.copy(self)
        result.datasets = [self.datasets[0], changed(self.datasets[1])]
        return result

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
            DamagedFileError: If more samples than may be cannot be decoded.
        """
        index, seed = (index if isinstance(index, SeededIndex) else
                       (index, None))
        index = range(len(self))[index]  # from the end, if negative
        source = bisect_right(self.cumulative_sizes, index)
        position = index - (self.cumulative_sizes[0] if source else 0)
        for place in self._places(source, position, seed or 0):
            try:
                with nullcontext() if seed is None else local_seed(seed):
                    return self._load(source, place)
            except DamagedFileError as error:
                self.corrupt.skip(place + source * len(self.datasets[0]),
                                  error)
        names = ', '.join(
            leaf.ann_file or str(leaf.data_prefix.get('img_path'))
            for leaf in leaves(self.datasets[source]))
        raise DamagedFileError(f'no image of {names} can be read')

    def _places(self, source: int, position: int, seed: int) -> Iterator[int]:
        """A sample, and those of its part that take its place, in turn.

        They depend on nothing but the arguments, so that a resumed run, and
        any number of workers, takes the same.
        """
        yield position
        rng = np.random.default_rng((seed, source, position))
        for other in rng.permutation(len(self.datasets[source])):
            if other != position:
                yield int(other)

    def _load(self, source: int, position: int) -> dict:
        """One sample of a part, packed by its pipeline."""
        info = self.datasets[source].get_data_info(position)
        part, inner = find_leaf(self.datasets[source], position)
        if part.metainfo.get('classes'):
            info['num_classes'] = len(part.metainfo['classes'])
        if source == 1 and self.image_labels is not None:
            info['image_labels'] = self.image_labels[position].astype(
                np.float32)
        paths = info['img_path'], info.get('seg_map_path')
        try:
            sample = part.pipeline(info)
            if sample is None:
                raise ValueError('a step of the pipeline gave None')
            return sample
        except Exception as error:
            fault = damaged_file(part, inner)
            if fault is not None:
                raise DamagedFileError(sentence(fault)) from error
            if any(path and path in str(error) for path in paths):
                raise
            raise ValueError(
                f'cannot load {paths[0]} or its mask {paths[1]} (is one of '
                f'them damaged?): {error}') from error
