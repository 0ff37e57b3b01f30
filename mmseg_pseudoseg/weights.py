"""Do the weights of a checkpoint belong to this network?

MMEngine loads what fits and logs the rest: layers that fit nothing stay as
they were drawn at random, and the run goes on.
"""

import logging
import re
from collections import OrderedDict
from typing import Dict, List, Optional, Sequence

import torch
from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import CheckpointLoader, load_state_dict
from torch import nn

# What takes part in training alone.
TRAINING_ONLY = ('sgc_head.', 'pseudo_label.', 'unsup_loss.',
                 'auxiliary_head.')
SHOWN = 3  # keys in a message


def state_dict_of(checkpoint: dict) -> Dict[str, torch.Tensor]:
    """The weights of a checkpoint, under the names of the bare network.

    Args:
        checkpoint (dict): As MMEngine saves it, or a state dict alone.

    Returns:
        dict[str, Tensor]: Without the prefix of ``DistributedDataParallel``.
    """
    state = checkpoint.get('state_dict', checkpoint)
    return {re.sub(r'^module\.', '', key): value
            for key, value in state.items()}


def bare(model: nn.Module) -> nn.Module:
    """The network inside the wrappers of DDP and test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module  # type: ignore[assignment]
    return model


def check_weights(model: nn.Module, checkpoint: dict, name: str,
                  config: Optional[str], whole: bool = False) -> None:
    """Refuse a checkpoint of another network, or of other classes.

    Args:
        model (nn.Module): The network, wrapped or not.
        checkpoint (dict): As loaded.
        name (str): Its file, for the message.
        config (str, optional): The network's file, for the message.
        whole (bool): Whether the parts that only training has
            (:data:`TRAINING_ONLY`) count as well.

    Raises:
        ValueError: If a weight is missing, has another size, or belongs
            nowhere, naming the keys and what to do.
    """
    there, here = state_dict_of(checkpoint), bare(model).state_dict()

    def counts(key: str) -> bool:
        return not key.endswith('num_batches_tracked') and (
            whole or not key.startswith(TRAINING_ONLY))

    sizes = [key for key in filter(counts, here)
             if key in there and there[key].shape != here[key].shape]
    missing = [key for key in filter(counts, here) if key not in there]
    alien = [key for key in filter(counts, there) if key not in here]
    found = [
        *_count_classes(sizes, checkpoint, there, here),
        *_tell('other sizes in the checkpoint than in the config',
               [f'{key} {tuple(there[key].shape)} / {tuple(here[key].shape)}'
                for key in sizes]),
        *_tell('not in the checkpoint', missing),
        *_tell('in the checkpoint alone', alien)
    ]
    if found:
        raise ValueError(
            f'{name} does not fit {config or "the config"}: '
            f'{"; ".join(found)}. Layers without weights would stay random: '
            'take the config that the checkpoint was trained with, or train '
            'with this one (load_from=CHECKPOINT starts from the weights that '
            'fit)')


def _count_classes(sizes: List[str], checkpoint: dict, there: dict,
                   here: dict) -> List[str]:
    """Say which classes differ, if that is what sizes tell."""
    last = [key for key in sizes if key.endswith('conv_seg.weight')]
    if not last:
        return []
    names = classes_of(checkpoint)
    listed = f' ({", ".join(names)})' if names else ''
    return [f'the checkpoint has {len(there[last[-1]])} classes{listed}, the '
            f'config {len(here[last[-1]])} (num_classes of the heads)']


def _tell(what: str, keys: List[str]) -> List[str]:
    """Name a few of the keys."""
    if not keys:
        return []
    more = f' and {len(keys) - SHOWN} more' if len(keys) > SHOWN else ''
    return [f'{what}: {", ".join(keys[:SHOWN])}{more}']


def classes_of(checkpoint: dict) -> Sequence[str]:
    """Names of the classes that a checkpoint was trained on, if it says."""
    meta = checkpoint.get('meta') or {}
    return tuple((meta.get('dataset_meta') or {}).get('classes') or ())


def check_classes(checkpoint: dict, classes: Sequence[str],
                  name: str) -> None:
    """Compare names and order of the classes, where both are known.

    Args:
        checkpoint (dict): As loaded; it may tell no names.
        classes (Sequence[str]): Of the data set that is predicted.
        name (str): The checkpoint's file, for the message.

    Raises:
        ValueError: If the same names stand in another order. Other names are
            a warning in the log: a class may have been renamed.
    """
    old, new = classes_of(checkpoint), tuple(classes)
    if not old or not new or old == new:
        return
    said = (f'{name} was trained on the classes {", ".join(old)}; metainfo.'
            f'classes of the data set are {", ".join(new)}')
    if sorted(old) == sorted(new):
        raise ValueError(f'{said}: the same in another order, so every label '
                         'would mean another class. Use the first order')
    print_log(f'{said}: right only if the same things have other names',
              'current', logging.WARNING)


def load_checked(model: nn.Module, filename: str, config: Optional[str],
                 whole: bool = False) -> dict:
    """Load a checkpoint that fits; for tools that run no Runner.

    Args:
        model (nn.Module): Gets the weights.
        filename (str): Path of the checkpoint.
        config (str, optional): The network's file, for the message.
        whole (bool): As in :func:`check_weights`.

    Returns:
        dict: The checkpoint.

    Raises:
        ValueError: Of :func:`check_weights`.
    """
    checkpoint = CheckpointLoader.load_checkpoint(filename, 'cpu', None)
    check_weights(model, checkpoint, filename, config, whole)
    here = bare(model).state_dict()
    state = OrderedDict(
        (key, value) for key, value in state_dict_of(checkpoint).items()
        if key in here and value.shape == here[key].shape)
    versions = getattr(checkpoint.get('state_dict', checkpoint), '_metadata',
                       None)
    if versions is not None:  # of the modules, which some look at
        state._metadata = versions  # type: ignore[attr-defined]
    load_state_dict(bare(model), state)
    return checkpoint
