"""Pretrained weights of timm, as MMEngine loads weights: by ``init_cfg``."""

import os.path as osp
import re
from typing import Any, Dict, Optional

from mmengine.logging import print_log
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import Tensor, nn


class WeightsError(RuntimeError):
    """Pretrained weights that are not to be had; says what to do instead."""


@WEIGHT_INITIALIZERS.register_module()
class TIMMPretrained:
    """Load timm's pretrained weights into a ``TIMMBackbone``.

    The stock wrapper's ``pretrained=True`` loads them in the constructor, so
    that inference and evaluation need a network for weights that the
    checkpoint replaces. ``init_cfg`` is read by ``init_weights`` alone, which
    ``Runner.train`` calls; the wrapper gets ``pretrained=False`` with it.

    Args:
        checkpoint (str, optional): A file with timm's names of the weights,
            such as ``model.safetensors`` of the network's page on
            huggingface.co. By default timm fetches that one, or takes it from
            its cache.
    """

    def __init__(self, checkpoint: Optional[str] = None) -> None:
        self.checkpoint = checkpoint

    def __call__(self, module: nn.Module) -> None:
        """Load the weights.

        Args:
            module (nn.Module): Has a network of timm as ``timm_model``.

        Raises:
            FileNotFoundError: If ``checkpoint`` is not there.
            WeightsError: If the download fails, or the file has not all the
                weights of the network.
        """
        from timm.models import load_pretrained
        network: Any = module.timm_model
        source = dict(network.pretrained_cfg)
        name = '.'.join(filter(None, [source.get('architecture'),
                                      source.get('tag')]))
        if self.checkpoint:
            if not osp.isfile(self.checkpoint):
                raise FileNotFoundError(
                    'model.backbone.init_cfg.checkpoint='
                    f'{self.checkpoint!r}: there is no such file')
            source.update(file=self.checkpoint, source='', state_dict=None)
        fetched = []

        def rename(weights: Dict[str, Tensor], _: nn.Module) -> dict:
            fetched.append(True)
            return as_in_network(weights, network, self.checkpoint or name)

        print_log(f'load timm\'s weights of {name} from '
                  f'{self.checkpoint or "its hub or cache"}', 'current')
        try:
            load_pretrained(network, source, num_classes=0, filter_fn=rename)
        except Exception as error:  # each way of transport has its own
            if fetched or self.checkpoint:
                raise
            raise WeightsError(explain_download(name, error)) from None


def as_in_network(weights: Dict[str, Tensor], network: nn.Module,
                  origin: str) -> Dict[str, Tensor]:
    """Weights under the names that they have in a network of features.

    timm writes ``blocks_0`` there for ``blocks.0``, and leaves the classifier
    away.

    Args:
        weights (dict[str, Tensor]): Of the whole network.
        network (nn.Module): Of features.
        origin (str): Of the weights, for the message.

    Returns:
        dict[str, Tensor]: Exactly the network's.

    Raises:
        WeightsError: If some are missing.
    """
    found, missing = {}, []
    for key in network.state_dict():
        plain = re.sub(r'^(\w+?)_(\d+)\.', r'\1.\2.', key)
        source = key if key in weights else plain
        if source in weights:
            found[key] = weights[source]
        elif not key.endswith('num_batches_tracked'):
            missing.append(plain)
    if missing:
        raise WeightsError(
            f'model.backbone.init_cfg: {origin} lacks {len(missing)} weights '
            f'of model.backbone.model_name, {missing[0]} first; take the '
            "file of that very network, under timm's names (a checkpoint of "
            "MMSegmentation: init_cfg=dict(type='Pretrained', "
            "checkpoint=..., prefix='backbone.'))")
    return found


def explain_download(name: str, error: Exception) -> str:
    """What to do where the weights cannot be fetched.

    Args:
        name (str): timm's, of the network.
        error (Exception): What the transport raised.

    Returns:
        str: One sentence.
    """
    text = ' '.join(str(error).split())
    reason = text if len(text) <= 120 else f'{text[:117]}...'
    return (
        f'model.backbone.init_cfg: the weights of {name} could not be fetched '
        f'({type(error).__name__}: {reason}): download model.safetensors of '
        f'https://huggingface.co/timm/{name} elsewhere and set '
        "model.backbone.init_cfg=dict(type='TIMMPretrained', "
        "checkpoint='path/model.safetensors'), or model.backbone.init_cfg="
        'None where load_from brings all weights')
