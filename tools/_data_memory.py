"""How much memory a training step will need, from steps on small crops."""

from typing import Dict, List, Sequence, Tuple

import numpy as np
from _data_parts import LABELED, UNLABELED
from _networks import heads
from _synthetic_batch import scene, synthetic_batch
from _training_step import Trainee, build
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmseg.registry import TRANSFORMS
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

SIDES = (64, 128)  # multiples of every stride: nothing is rounded up
HOW = ('weights, gradients, optimizer state, and what autograd keeps for the '
       'backward pass of the whole batch: counted in float32 on crops of '
       f'{SIDES[0]} and {SIDES[1]} pixels, continued by a * area + b * area^2 '
       '(convolutions and attention), within 10 % of what is kept at the real '
       'size where this was tried. Not in it: the CUDA context (about '
       '0.5 GiB), workspace of cuDNN, fragmentation. --amp of train.py keeps '
       'most activations in 16 bits')


class Kept:
    """Counts the storages that autograd keeps, each once."""

    def __init__(self) -> None:
        self.storages: Dict[int, int] = {}

    def pack(self, tensor: Tensor) -> Tensor:
        """Note a tensor that is kept."""
        storage = tensor.untyped_storage()
        self.storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    def total(self, but: Sequence[Tensor]) -> int:
        """Bytes of all storages but those of some tensors."""
        skip = {t.untyped_storage().data_ptr() for t in but}
        return sum(n for k, n in self.storages.items() if k not in skip)


def make_batch(cfg: Config, number: Dict[str, int], side: int) -> dict:
    """A batch of noise, semi-supervised or stock.

    Args:
        cfg (Config): The config.
        number (dict[str, int]): Images of each part.
        side (int): Height and width.
    """
    if cfg.model.get('sgc_head'):
        return synthetic_batch(cfg, (number[LABELED], number[UNLABELED]),
                               (side, side))
    pack, rng = TRANSFORMS.build(dict(type='PackSegInputs')), \
        np.random.default_rng(0)
    classes = heads(cfg.model)[-1].num_classes
    return pseudo_collate([
        pack(scene((side, side), classes, True, False, rng))
        for _ in range(sum(number.values()))])


def trainee(cfg: Config, batch: dict) -> Trainee:
    """The network, with random weights, and its optimizer, on the CPU."""
    cfg = cfg.copy()
    cfg.model.pop('unsup_start', None)  # all views from the start
    optim = cfg.optim_wrapper
    if optim.get('type', '').startswith('Amp'):
        optim.type = 'OptimWrapper'
        optim.pop('loss_scale', None)
        optim.pop('dtype', None)
    return build(cfg.model, optim, batch, 'cpu', False)


def kept_bytes(made: Trainee, side: int) -> Tuple[int, Tensor]:
    """What one forward pass keeps, and its loss."""
    model, kept = made.model, Kept()
    preprocessor = model.data_preprocessor
    if getattr(preprocessor, 'size', None):
        preprocessor.size = (side, side)
    with saved_tensors_hooks(kept.pack, lambda tensor: tensor):
        data = preprocessor(made.batch, True)
        loss, _ = model.parse_losses(model(**data, mode='loss'))
        total = kept.total([*model.parameters(), *model.buffers()])
    return total, loss


def small_batch(number: Dict[str, int]) -> Tuple[Dict[str, int], float]:
    """A batch of the same ratio with at least two images of each part.

    Returns:
        tuple[dict[str, int], float]: The batch, and how many of it fill the
        real one.
    """
    least = min(number.values())
    shares = {k: max(2, round(2 * n / least)) for k, n in number.items()}
    return shares, sum(number.values()) / sum(shares.values())


def fit(kept: Sequence[int], area: float) -> float:
    """Continue two measurements at ``SIDES`` to another area.

    Args:
        kept (Sequence[int]): Bytes at each of ``SIDES``.
        area (float): Pixels of the crop.

    Returns:
        float: Bytes; a * area + b * area^2 through both points, b >= 0.
    """
    one, two = (side**2 for side in SIDES)
    slope = max(kept[1] / two - kept[0] / one, 0) / (two - one)
    return (kept[1] / two + slope * (area - two)) * area


def estimate(cfg: Config, number: Dict[str, int],
             crop: Tuple[int, int]) -> Dict[str, float]:
    """Bytes that a training step needs on one GPU.

    Args:
        cfg (Config): With ``model`` and ``optim_wrapper``.
        number (dict[str, int]): Images of each part in a batch.
        crop (tuple[int, int]): Height and width of the views.

    Returns:
        dict[str, float]: ``weights``, ``gradients``, ``optimizer``,
        ``activations`` and ``total``.
    """
    small, times = small_batch(number)
    kept: List[int] = []
    for side in SIDES:
        batch = make_batch(cfg, small, side)
        if not kept:
            made = trainee(cfg, batch)
        nbytes, loss = kept_bytes(made._replace(batch=batch), side)
        kept.append(nbytes)
        if side == SIDES[0]:  # the cheaper one fills the optimizer's state
            made.optim.update_params(loss)
    tensors = [*made.model.parameters(), *made.model.buffers()]
    state = [value for entry in made.optim.optimizer.state.values()
             for value in entry.values() if isinstance(value, Tensor)]
    result = dict(
        weights=sum(t.nbytes for t in tensors),
        gradients=sum(p.nbytes for p in made.model.parameters()
                      if p.requires_grad),
        optimizer=sum(t.nbytes for t in state),
        activations=times * fit(kept, crop[0] * crop[1]))
    return dict(result, total=sum(result.values()))


