"""Find what in a config contradicts itself, before anything is built.

``tools/train.py`` and ``tools/check_data.py`` ask here, so that both use the
same words.
"""

import math
from typing import Any, Dict, Iterator, List, Tuple

import torch
from mmengine.config import Config, ConfigDict
from mmseg.registry import DATASETS, TRANSFORMS

from .config_keys import Problem, key_problems

HEADS = ('decode_head', 'sgc_head', 'auxiliary_head')
# Pixels that a step passes through the network; a CPU core takes about a
# minute for so many in a ResNet-50.
MANY_PIXELS = 2_000_000


def check_config(cfg: Config) -> List[Problem]:
    """Compare the parts of a config that trains.

    Args:
        cfg (Config): With ``model`` and ``train_dataloader``; the scope of
            its registries is in force.

    Returns:
        list[Problem]: Fatal ones first.
    """
    found = [*key_problems(cfg), *class_problems(cfg), *crop_problems(cfg),
             *tag_problems(cfg), *speed_problems(cfg)]
    return sorted(found, key=lambda problem: not problem.fatal)


def training_parts(cfg: Config) -> Iterator[Tuple[str, ConfigDict]]:
    """Key and config of each data set that training reads, unwrapped."""

    def below(node: Any, key: str) -> Iterator[Tuple[str, ConfigDict]]:
        if isinstance(node, (list, tuple)):
            for i, item in enumerate(node):
                yield from below(item, f'{key}.{i}')
            return
        inner = [name for name in ('labeled', 'unlabeled', 'datasets',
                                   'dataset') if name in node]
        for name in inner:
            yield from below(node[name], f'{key}.{name}')
        if not inner:
            yield key, node

    yield from below(cfg.train_dataloader.dataset, 'train_dataloader.dataset')


def pipeline_steps(node: Any) -> Iterator[ConfigDict]:
    """Yield the steps of a pipeline, and those inside its steps."""
    if isinstance(node, dict):
        if 'type' in node:
            yield node
        for value in node.values():
            yield from pipeline_steps(value)
    elif isinstance(node, (list, tuple)):
        for item in node:
            yield from pipeline_steps(item)


def step_class(step: ConfigDict) -> Any:
    """The class of a pipeline's step, None if there is no such."""
    kind = step['type']
    return TRANSFORMS.get(kind) if isinstance(kind, str) else kind


def class_names(part: ConfigDict) -> Tuple[str, ...]:
    """Classes of a data set, from its config or its class; else empty."""
    kind = part.get('type')
    kind = DATASETS.get(kind) if isinstance(kind, str) else kind
    own = (part.get('metainfo') or {}).get('classes')
    return tuple(own or getattr(kind, 'METAINFO', {}).get('classes') or ())


def all_heads(model: ConfigDict) -> Dict[str, ConfigDict]:
    """Decode, SGC and auxiliary heads of a model, by their keys."""
    result = {}
    for name in HEADS:
        head, key = model.get(name), f'model.{name}'
        if isinstance(head, (list, tuple)):
            result.update({f'{key}.{i}': one for i, one in enumerate(head)})
        elif head:
            result[key] = head
    return result


def head_problems(model: ConfigDict, number: int) -> List[Problem]:
    """Heads for another number of classes than the data has.

    Args:
        model (ConfigDict): ``model`` of a config.
        number (int): Classes of the data.
    """
    wrong = {f'{key}.num_classes': head.num_classes
             for key, head in all_heads(model).items()
             if head.get('num_classes', number) != number}
    return [Problem(
        True, key, f'is {found}, but metainfo.classes of the data has '
        f'{number} classes', f'set {key}={number}')
        for key, found in wrong.items()]


def class_problems(cfg: Config) -> List[Problem]:
    """Heads that do not fit the classes of the training data."""
    numbers = [len(names) for names in (
        class_names(part) for _, part in training_parts(cfg)) if names]
    return head_problems(cfg.model, numbers[0]) if numbers else []


def crop_problems(cfg: Config) -> List[Problem]:
    """Crops of another size than the network's input."""
    size = (cfg.model.get('data_preprocessor') or {}).get('size')
    if not size:
        return []
    key, size = 'model.data_preprocessor.size', pair(size)
    result = []
    for part, node in training_parts(cfg):
        for step in pipeline_steps(node.get('pipeline', [])):
            name = {'RandomCrop': 'crop_size', 'CutOut': 'canvas'}.get(
                getattr(step_class(step), '__name__', ''))
            if not name or not step.get(name) or pair(step[name]) == size:
                continue
            crop = pair(step[name])
            result.append(Problem(
                crop[0] > size[0] or crop[1] > size[1],
                f'{part}.pipeline: {step["type"]}.{name}',
                f'is {crop}, but {key} is {size}',
                f'give both the same value, such as {key}={crop}'
                if name == 'crop_size' else f'set canvas={size}'))
    return result


def pair(size: Any) -> Tuple[int, int]:
    """Height and width of a size."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def tag_problems(cfg: Config) -> List[Problem]:
    """A tag file that nobody reads."""
    key = 'train_dataloader.dataset.tag_file'
    if not cfg.train_dataloader.dataset.get('tag_file') or \
            cfg.model.get('image_labels'):
        return []
    return [Problem(False, key, 'is set, but the tags are not used',
                    'set model.image_labels=True, or remove the key')]


def images_a_step(cfg: Config) -> Dict[str, int]:
    """Images of each part that one process takes a step, by name."""
    loader = cfg.train_dataloader
    ratio = (loader.get('batch_sampler') or {}).get('source_ratio')
    batch = loader.get('batch_size', 1)
    if not ratio:
        return dict(labeled=batch)
    shares = sum(ratio.values())
    return {name: share * batch // shares for name, share in ratio.items()}


def speed_problems(cfg: Config) -> List[Problem]:
    """A GPU's recipe on a machine without one."""
    size = (cfg.model.get('data_preprocessor') or {}).get('size')
    images = images_a_step(cfg)
    passes = sum(images.values()) + images.get('unlabeled', 0)
    if torch.cuda.is_available() or not size or \
            passes * math.prod(pair(size)) < MANY_PIXELS:
        return []
    height, width = pair(size)
    return [Problem(
        False, 'train_dataloader.batch_size', f'makes a step of {passes} '
        f'passes at {height} x {width} pixels, and torch finds no GPU here: '
        'an iteration will take minutes',
        'train on a GPU, or take the recipe of configs/small/ '
        '(docs/own_data.md), made for a CPU')]
