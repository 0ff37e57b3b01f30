"""What batch norm does in which forward pass."""

from contextlib import contextmanager
from typing import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

BN_MODES = ('train', 'batch', 'eval')


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Normalise with batch statistics, but leave the running ones alone.

    Train-mode batch norm updates its running statistics under ``no_grad`` too,
    so a pass that only makes a target would enter the statistics used at test
    time. Inside this context it does not.

    Args:
        module (nn.Module): Every batch norm below it is affected.
    """
    norms = [
        m for m in module.modules()
        if isinstance(m, _BatchNorm) and m.track_running_stats
    ]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


@contextmanager
def bn_mode(module: nn.Module, mode: str) -> Iterator[None]:
    """Run a network in training with another mode of batch norm.

    Args:
        module (nn.Module): In training mode.
        mode (str): One of :data:`BN_MODES`: ``'train'`` as it is, ``'batch'``
            as :func:`frozen_statistics`, ``'eval'`` all of it in inference
            mode.
    """
    if mode == 'train':
        yield
    elif mode == 'batch':
        with frozen_statistics(module):
            yield
    else:
        modules = [m for m in module.modules() if m.training]
        for one in modules:
            one.training = False
        try:
            yield
        finally:
            for one in modules:
                one.training = True


def uses_batch_statistics(module: nn.Module) -> bool:
    """Whether a layer's output for an image depends on the rest of its batch.

    Args:
        module (nn.Module): A layer; those below it are not looked at.

    Returns:
        bool: True for batch norm in training or without running statistics,
        and for whatever else keeps running statistics in training.
    """
    statistics = {'running_mean', 'running_var'} & set(module._buffers)
    if module.training and statistics:
        return True
    return isinstance(module, _BatchNorm) and module.running_mean is None
