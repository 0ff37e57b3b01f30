"""Damaged image files: found, counted over all workers, and refused."""

import os.path as osp
import warnings
from typing import Optional

import torch
from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmengine.dataset import BaseDataset

from .file_faults import Fault
from .image_files import unreadable

ADVICE = 'tools/check_data.py lists all such files of a config'


class DamagedFileError(ValueError):
    """A file of a sample is there and cannot be decoded."""


def damaged_file(part: BaseDataset, position: int) -> Optional[Fault]:
    """The file of a sample that is there but cannot be decoded, if one is.

    Runs the loaders of the part's own pipeline again, so call it where the
    pipeline failed: an error of another step is no fault of the file.

    Args:
        part (BaseDataset): One source.
        position (int): Of the sample in it.

    Returns:
        Fault, optional: Of the first such file, with its true cause.
    """
    info = part.get_data_info(position)
    for step in part.pipeline.transforms:
        key = ('img_path' if isinstance(step, LoadImageFromFile) else
               'seg_map_path' if isinstance(step, LoadAnnotations) else None)
        if key is None:
            continue
        path = info.get(key)
        what = 'image' if key == 'img_path' else 'mask'
        try:
            loaded = step(info)
        except (FileNotFoundError, PermissionError, MemoryError, KeyError):
            return None
        except Exception as error:  # each decoder has errors of its own
            return unreadable(path, what, error)
        if loaded is None:  # the loader's ignore_empty, for any error
            return unreadable(path, what, 'the loader gives nothing') \
                if osp.isfile(path) else None
    return None


class CorruptImages:
    """The samples of damaged files that were skipped, each counted once.

    MMEngine's ``BaseDataset`` takes another random sample where a pipeline
    gives None, without a count, and gives up after ``max_refetch``. The flags
    here lie in shared memory: the workers of one process see each other's.

    Args:
        dataset (BaseDataset): Whose samples are counted.
        limit (int): Samples that may be skipped.
    """

    def __init__(self, dataset: BaseDataset, limit: int) -> None:
        self.dataset = dataset
        self.limit = limit
        self.flags = torch.zeros(
            len(dataset), dtype=torch.uint8).share_memory_()

    def skip(self, index: int, error: DamagedFileError) -> None:
        """Count a sample; warn of it, once.

        Args:
            index (int): Of the sample in the whole data set.
            error (DamagedFileError): What is wrong with it.

        Raises:
            DamagedFileError: If there are more than may be.
        """
        if self.limit == 0:
            raise DamagedFileError(
                f'{error}. {ADVICE}. train_dataloader.dataset.max_corrupt=N '
                'goes on without up to N of them') from error
        if self.flags[index]:
            return
        self.flags[index] = 1
        found = self.flags.nonzero().flatten().tolist()
        if len(found) > self.limit:
            names = ', '.join(
                self.dataset.get_data_info(i)['img_path'] for i in found)
            raise DamagedFileError(
                f'{len(found)} images that cannot be decoded, and train_'
                f'dataloader.dataset.max_corrupt is {self.limit}: {names} (or '
                f'their masks). The last: {error}. {ADVICE}') from error
        warnings.warn(
            f'{error}. Another image of its list takes its place; '
            f'{len(found)} of at most {self.limit} '
            '(train_dataloader.dataset.max_corrupt)', stacklevel=2)
