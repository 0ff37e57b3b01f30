"""The masks of unlabelled images, for studies on data that has them."""

import copy
from typing import Callable, List

import torch
from mmengine.dataset import Compose
from mmseg.datasets import LoadAnnotations
from torch import Tensor
from torch.utils.data import DataLoader

from ...datasets import (
    LoadBlankAnnotations,
    MultiBranch,
    MultiSourceBatchSampler,
)
from ...datasets.collate import packed_images

IGNORE = 255


def with_masks(pipeline: Compose) -> Compose:
    """The unlabelled pipeline up to its weak view, with the image's mask.

    Args:
        pipeline (Compose): With ``LoadBlankAnnotations`` and ``MultiBranch``;
            a pipeline that makes image-level labels reads the mask already.

    Returns:
        Compose: The same steps, so the same random numbers.
    """
    read: List[Callable] = [LoadAnnotations()]
    steps: List[Callable] = []
    for step in pipeline.transforms:
        if isinstance(step, LoadBlankAnnotations):
            continue
        if isinstance(step, LoadAnnotations):
            read = []
        elif isinstance(step, MultiBranch):
            step = copy.copy(step)
            step.views = dict(weak=step.views['weak'])
        steps.append(step)
    return Compose([*read, *steps])


class HiddenMasks:
    """Masks of the unlabelled images of a step, cropped as the images were.

    The pipeline of training never opens them, and keeps no crop box. But a
    sample of :class:`MultiSourceBatchSampler` carries the seed of its
    augmentation, so the weak view can be made once more, now with its mask;
    that both views are equal is checked.

    Args:
        loader (DataLoader): Of the training.
        owner (str): The hook, for messages.

    Raises:
        TypeError: If the loader has another batch sampler.
    """

    def __init__(self, loader: DataLoader, owner: str) -> None:
        if not isinstance(loader.batch_sampler, MultiSourceBatchSampler):
            raise TypeError(
                f'{owner} with hidden_masks=True needs train_dataloader.'
                'batch_sampler.type=MultiSourceBatchSampler, not '
                f'{type(loader.batch_sampler).__name__}; or set hidden_masks='
                'False')
        self.owner = owner
        self.sampler = copy.copy(loader.batch_sampler)
        self.dataset = self.sampler.dataset.with_pipelines(with_masks)

    def read(self, iteration: int, data_batch: dict, size: tuple) -> Tensor:
        """Masks of the weak views of an iteration.

        Args:
            iteration (int): 0 is the first of the training.
            data_batch (dict): What the loader gave in it.
            size (tuple[int, int]): Height and width of the padded views.

        Returns:
            Tensor: int64, (N, H, W), 255 where padded or void.

        Raises:
            ValueError: If a mask cannot be read, or belongs to another view.
        """
        self.sampler.skip_to(iteration)
        first = self.sampler.sizes['labeled']
        indices = [i for i in next(iter(self.sampler)) if i.position >= first]
        views = packed_images(data_batch, 'weak')
        masks = torch.full((len(views), *size), IGNORE, dtype=torch.int64)
        for mask, view, index in zip(masks, views, indices, strict=True):
            try:
                sample = self.dataset[index]
            except Exception as error:
                raise ValueError(
                    f'{self.owner} with hidden_masks=True: {error}. Set '
                    'train_dataloader.dataset.unlabeled.data_prefix.'
                    'seg_map_path to the folder of the masks, or hidden_masks='
                    'False') from error
            if not torch.equal(sample['inputs']['weak'], view):
                raise ValueError(
                    f'{self.owner} with hidden_masks=True cannot repeat the '
                    'crop of the step: a transform before MultiBranch looks at'
                    ' the mask (RandomCrop.cat_max_ratio < 1) or draws other '
                    'random numbers than numpy\'s and random\'s. Set '
                    'hidden_masks=False')
            data = sample['data_samples']['weak'].gt_sem_seg.data[0]
            mask[:data.shape[0], :data.shape[1]] = data
        return masks
