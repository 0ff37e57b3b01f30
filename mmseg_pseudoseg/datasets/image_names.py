"""Names of what is written for the images of a data set."""

import os.path as osp
from typing import Dict, Iterator

from mmengine.dataset import BaseDataset


def parts_of(dataset: BaseDataset) -> Iterator[BaseDataset]:
    """The data sets inside wrappers such as ``ConcatDataset``."""
    inner = getattr(dataset, 'datasets', None) or (
        [dataset.dataset] if hasattr(dataset, 'dataset') else [])
    if not inner:
        yield dataset
    for part in inner:
        yield from parts_of(part)


def output_name(image: str, folder: str) -> str:
    """Path of an image below its folder, without suffix.

    Args:
        image (str): Its path.
        folder (str): ``data_prefix.img_path``, joined to ``data_root``.

    Returns:
        str: With the sub-folders, such as ``camA/0001``. It never leads out
        of the folder that it is joined to.
    """
    path = osp.relpath(image, folder or '.') if '://' not in image else image
    parts = [part for part in osp.splitext(path)[0].split('/')
             if part not in ('', '.', '..')]
    if '://' in image:
        parts = parts[-1:]
    return '/'.join(parts)


def output_names(dataset: BaseDataset) -> Dict[str, str]:
    """A name for the prediction of each image.

    Args:
        dataset (BaseDataset): A data set, or a wrapper of several.

    Returns:
        dict[str, str]: Path of the image -> :func:`output_name`.

    Raises:
        ValueError: If two images would get one name.
    """
    names: Dict[str, str] = {}
    taken: Dict[str, str] = {}
    for part in parts_of(dataset):
        folder = (part.data_prefix or {}).get('img_path') or ''
        for i in range(len(part)):
            image = part.get_data_info(i)['img_path']
            name = output_name(image, folder)
            other = taken.setdefault(name, image)
            if other != image:
                raise ValueError(
                    f'{other} and {image} would both be written as {name}: '
                    'rename one, or predict them in two runs')
            names[image] = name
    return names
