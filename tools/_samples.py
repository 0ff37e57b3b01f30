"""What a training loader gives, as arrays that can be drawn."""

from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, set_random_seed
from mmseg.registry import MODELS
from torch import nn
from torch.utils.data import DataLoader

MASKLESS = ('weak', 'strong')
VIEWS = dict(labeled=('labeled',), unlabeled=('unlabeled', *MASKLESS))


class Sample(NamedTuple):
    """An image as the network gets it, but for the normalisation.

    Attributes:
        source (str): ``labeled`` or ``unlabeled``.
        path (str): The image's file.
        tags (list[str], optional): Its image-level labels, if it has any.
        shape (tuple[int, int]): Height and width without padding.
        views (dict[str, tuple]): Name -> image, uint8, RGB, (H, W, 3), and
            map, integers, (H, W), 255 where a pixel does not count. The maps
            of ``weak`` and ``strong`` know no classes.
    """

    source: str
    path: str
    tags: Optional[List[str]]
    shape: Tuple[int, int]
    views: Dict[str, Tuple[np.ndarray, np.ndarray]]


def build(cfg: Config) -> Tuple[DataLoader, nn.Module]:
    """The training loader, and the padding that follows it.

    Args:
        cfg (Config): Of a training run.

    Returns:
        tuple[DataLoader, nn.Module]: As the Runner builds it, seeds
        included, and the data preprocessor, which pads and swaps BGR to RGB,
        but does not normalise.

    Raises:
        ValueError: If a key or a list of images is missing.
    """
    if not cfg.get('train_dataloader'):
        raise ValueError('there is no train_dataloader; give a config that '
                         'trains')
    seed = cfg.get('randomness', {}).get('seed')
    if seed is None:
        raise ValueError('randomness.seed is missing; add it with '
                         '--cfg-options randomness.seed=0')
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    padding = MODELS.build(dict(
        cfg.model.data_preprocessor, mean=None, std=None, bgr_to_rgb=True,
        rgb_to_bgr=False))
    set_random_seed(seed)
    try:
        loader = Runner.build_dataloader(cfg.train_dataloader, seed=seed)
    except (AssertionError, OSError) as error:
        raise ValueError(
            f'{error}; point at the data with data_root in '
            'train_dataloader.dataset (--cfg-options)') from error
    return loader, padding


def batches(loader: DataLoader, padding: nn.Module) -> Iterator[List[Sample]]:
    """What the loader gives, batch by batch.

    Args:
        loader (DataLoader): Of :func:`build`; may be endless.
        padding (nn.Module): Of :func:`build`.

    Yields:
        list[Sample]: The labelled images first.

    Raises:
        ValueError: If the images are not uint8 with three channels.
    """
    classes = loader.dataset.metainfo['classes']
    for batch in loader:
        views = batch['inputs']
        stacked = isinstance(views, dict)
        for images in views.values() if stacked else [views]:
            check(images[0])
        data = padding(batch, True)
        if not stacked:
            data = by_source(data, loader)
        inputs, samples = data['inputs'], data['data_samples']
        result = []
        for source, names in VIEWS.items():
            names = [name for name in names if name in inputs]
            result += [
                unpack(source, dict(zip(names, pairs)), classes)
                for pairs in zip(*(zip(inputs[name], samples[name])
                                   for name in names))
            ]
        yield result


def check(image: torch.Tensor) -> None:
    """Refuse what is no picture."""
    if image.dtype != torch.uint8 or len(image) != 3:
        raise ValueError(
            f'the loader gives {image.dtype} images of {len(image)} channels, '
            'uint8 and 3 can be shown; leave the normalisation to '
            'model.data_preprocessor')


def by_source(batch: dict, loader: DataLoader) -> dict:
    """A batch without views, as one with a view for each source."""
    shares = getattr(loader.batch_sampler, 'num_per_source',
                     dict(labeled=len(batch['inputs'])))
    result: dict = dict(inputs={}, data_samples={})
    start = 0
    for source, number in shares.items():
        for key, views in result.items():
            views[source] = batch[key][start:start + number]
        start += number
    return result


def unpack(source: str, views: dict, classes: List[str]) -> Sample:
    """Arrays and names of one image.

    Args:
        source (str): Of the image.
        views (dict): Name -> padded image (3, H, W) and its data sample.
        classes (list[str]): The background first.
    """
    first = next(iter(views.values()))[1]
    tags = None
    if 'image_labels' in first:
        tags = [classes[int(k) + 1] for k in first.image_labels.nonzero()]
    return Sample(source, first.img_path, tags, tuple(first.img_shape), {
        view: (image.byte().permute(1, 2, 0).numpy(),
               sample.gt_sem_seg.data[0].numpy())
        for view, (image, sample) in views.items()
    })
