"""Narrower and shallower stock networks, for a step on a CPU."""

import inspect
from copy import deepcopy
from typing import Any

from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

FACTOR = 8
# Arguments that set the width of all stages of a backbone.
WIDTHS = ('base_channels', 'embed_dims')


def divide(value: Any) -> Any:
    """A width, or a list of them, divided; 3 (RGB) stays."""
    if isinstance(value, (list, tuple)):
        return type(value)(divide(item) for item in value)
    if isinstance(value, int) and value and not value % FACTOR:
        return value // FACTOR
    return value


def narrow(node: Any) -> None:
    """Divide every width of necks and heads, wherever it stands."""
    if isinstance(node, (list, tuple)):
        for item in node:
            narrow(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key.endswith(('channels', 'embed_dim', 'embed_dims')):
                node[key] = divide(value)
            else:
                narrow(value)


def unsynchronised(node: Any) -> None:
    """``BN`` for ``SyncBN``, in place."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        if value == 'SyncBN':
            node[key] = 'BN'
        elif isinstance(value, (dict, list)):
            unsynchronised(value)


def shrink_backbone(backbone: ConfigDict, size: int) -> bool:
    """Fewer layers and, where one argument sets the width, fewer channels.

    Args:
        backbone (ConfigDict): Changed in place.
        size (int): Of the images.

    Returns:
        bool: Whether all stages became narrower by ``FACTOR``.
    """
    if 'img_size' in backbone:
        backbone.img_size = size
    layers, out = backbone.get('num_layers'), backbone.get('out_indices')
    if isinstance(layers, int):  # a plain vision transformer
        several = isinstance(out, (list, tuple))
        backbone.num_layers = len(out) if several else 2
        if several:
            backbone.out_indices = tuple(range(len(out)))
    parameters = {
        name: parameter  # of the base classes too, behind **kwargs
        for cls in reversed(MODELS.get(backbone.type).__mro__[:-1])
        for name, parameter in inspect.signature(cls).parameters.items()
    }
    for name in WIDTHS:
        if name in parameters:
            width = backbone.get(name, parameters[name].default)
            backbone[name] = divide(width)
            return backbone[name] != width
    return False


def shrink(model: ConfigDict, size: int) -> ConfigDict:
    """A small version of a stock model, with ``BN`` for ``SyncBN``.

    Args:
        model (ConfigDict): ``model`` of a config.
        size (int): Height and width of the images.

    Returns:
        ConfigDict: A copy.
    """
    init_default_scope('mmseg')
    model = deepcopy(model)
    unsynchronised(model)
    if 'backbone' in model and shrink_backbone(model.backbone, size):
        for key in ('neck', 'decode_head', 'auxiliary_head'):
            narrow(model.get(key))
    return model
