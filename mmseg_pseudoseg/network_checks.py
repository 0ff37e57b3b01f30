"""Find what in a network does not fit, from a forward pass of its parts."""

from typing import Any, Iterator, List, Sequence, Tuple

import torch
from mmengine.config import Config, ConfigDict
from mmseg.registry import MODELS
from torch import nn

from .config_checks import Problem, all_heads, images_a_step
from .models.utils import Stage

SIDE = 128  # of the image that is tried


def channel_problems(model: ConfigDict,
                     stages: Sequence[Stage]) -> List[Problem]:
    """Heads that expect other channels than backbone or neck give.

    Args:
        model (ConfigDict): ``model`` of a config.
        stages (Sequence[Stage]): What backbone and neck give
            (:func:`~mmseg_pseudoseg.models.utils.find_stages`).

    Returns:
        list[Problem]: One for each key that must change, with its value.
    """
    part = 'neck' if model.get('neck') else 'backbone'
    given = ', '.join(str(stage.channels) for stage in stages)
    result = []
    for key, head in all_heads(model).items():
        for name, value, index in expectations(head):
            positions = [index] if isinstance(index, int) else list(index)
            if not all(-len(stages) <= i < len(stages) for i in positions):
                result.append(Problem(
                    True, f'{key}.in_index', f'is {index}, but model.{part} '
                    f'gives {len(stages)} maps', f'set {key}.in_index to '
                    f'positions from 0 to {len(stages) - 1}'))
                continue
            found = [stages[i].channels for i in positions]
            right = found[0] if isinstance(index, int) else tuple(found)
            if (value if isinstance(index, int) else tuple(value)) != right:
                result.append(Problem(
                    True, f'{key}.{name}', f'is {value}, but the maps of '
                    f'model.{part} have {given} channels',
                    f'set {key}.{name}={right}'))
    return result


def expectations(head: ConfigDict) -> Iterator[Tuple[str, Any, Any]]:
    """Key, value and positions of the channels that a head is told of."""
    if 'in_channels' in head:
        index = head.get('in_index', -1)
        yield 'in_channels', head.in_channels, index
    if head.get('c1_in_channels'):
        yield 'c1_in_channels', head.c1_in_channels, 0


@torch.no_grad()
def one_image_problems(cfg: Config, model: ConfigDict) -> List[Problem]:
    """Batch norm that would get one value a channel.

    Each view passes the network alone, so behind an image pool a part of one
    image has no variance. Nothing is built where each part has two images.

    Args:
        cfg (Config): With ``train_dataloader``.
        model (ConfigDict): Its ``model``, without weights to load.

    Returns:
        list[Problem]: At most one.
    """
    single = [name for name, n in images_a_step(cfg).items() if n == 1]
    if not single:
        return []
    try:
        made = MODELS.build(model)
    except Exception:  # the Runner will meet it, and tell
        return []
    made.train()
    if any(isinstance(m, nn.SyncBatchNorm) for m in made.modules()):
        return []
    heads = made.decode_head
    heads = heads if isinstance(heads, nn.ModuleList) else [heads]
    try:
        feats = made.extract_feat(torch.zeros(1, 3, SIDE, SIDE))
        before: List[Any] = []
        for head in heads:
            before = [head(feats, *before)]
    except ValueError as error:
        if 'more than 1 value per channel' not in str(error):
            raise
        batch = cfg.train_dataloader.batch_size
        return [Problem(
            True, 'train_dataloader.batch_size', f'is {batch}, that is one '
            f'{" and one ".join(single)} image a step. Each view passes the '
            'network alone, and a batch norm of model.decode_head, behind its '
            'image pool, needs two images',
            f'set train_dataloader.batch_size={2 * batch}, or group norm: '
            "model.decode_head.norm_cfg=dict(type='GN', num_groups=16)")]
    return []
