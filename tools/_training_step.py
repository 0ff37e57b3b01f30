"""Training steps to time: PseudoSeg, its supervised twin, and its floors."""

import copy
import inspect
from contextlib import contextmanager, nullcontext
from typing import Any, Callable, Iterator, List, NamedTuple, Sequence
from unittest.mock import patch

import torch
from _clock import Part, Spans
from _networks import SEGMENTORS, without_weights
from mmengine.config import ConfigDict
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_pseudoseg.datasets.collate import packed_images
from mmseg_pseudoseg.models import SemiSegmentor
from mmseg_pseudoseg.models.utils import bn_mode, stage_map

SEMI, SUP = 'PseudoSeg', 'supervised'
FLOOR, SAME_PASSES = 'floor', 'same passes'
METHOD = ('SGC and CAM', 'fusion', 'soft loss')  # of timed_parts


class Trainee(NamedTuple):
    """A network with what its training step needs.

    Attributes:
        model (SegmentorBase): On its device, in training mode.
        optim (OptimWrapper): Of the config.
        batch (dict): As collated: uint8 images on the CPU.
    """

    model: Any  # methods of SemiSegmentor are no part of nn.Module's type
    optim: OptimWrapper
    batch: dict

    def step(self, *_: int) -> None:
        """MMEngine's: preprocessor, losses, backward pass, optimizer."""
        self.model.train_step(self.batch, self.optim)

    def eager_step(self, *_: int) -> None:
        """The same, never compiled."""
        type(self.model).train_step(self.model, self.batch, self.optim)


def stock_model(model: ConfigDict) -> ConfigDict:
    """The stock segmentor inside a semi-supervised one.

    Args:
        model (ConfigDict): ``model`` of a config.

    Returns:
        ConfigDict: A copy with the stock type and preprocessor, without the
        keys that ``SemiSegmentor`` adds.
    """
    stock = {semi: name for name, semi in SEGMENTORS.items()}
    added = inspect.signature(SemiSegmentor).parameters.keys() - {'kwargs'}
    model = ConfigDict({k: v for k, v in model.items() if k not in added})
    model.type = stock[model.type]
    model.data_preprocessor = ConfigDict(
        model.data_preprocessor, type='SegDataPreProcessor')
    return model


def labelled_part(batch: dict) -> dict:
    """The labelled images of a batch, as a stock loader delivers them."""
    samples = copy.deepcopy(batch['data_samples']['labeled'])
    images = packed_images(batch, 'labeled')
    for sample, image, mask in zip(
            samples, images, batch['maps']['labeled']['gt_sem_seg']):
        height, width = image.shape[1:]
        sample.gt_sem_seg = PixelData(data=mask[:, :height, :width].long())
    return dict(inputs=images, data_samples=samples)


def build(model_cfg: ConfigDict, optim_cfg: ConfigDict, batch: dict,
          device: str, channels_last: bool) -> Trainee:
    """Build a network, with random weights, and its optimizer.

    Args:
        model_cfg (ConfigDict): Weights that it names are not loaded.
        optim_cfg (ConfigDict): ``optim_wrapper`` of a config.
        batch (dict): What it will be trained on.
        device (str): ``'cpu'`` or ``'cuda'``.
        channels_last (bool): Layout of the convolutions.

    Returns:
        Trainee: In training mode.
    """
    model = MODELS.build(without_weights(model_cfg))
    # Both log a line for each weight.
    with patch.object(MMLogger.get_current_instance(), 'disabled', True):
        model.init_weights()
        model.to(device).train()
        if channels_last:
            model.to(memory_format=torch.channels_last)
        optim = build_optim_wrapper(model, optim_cfg)
    return Trainee(model, optim, batch)


def weak_pass(model: SemiSegmentor, inputs: Tensor) -> Any:
    """The network on the weak view, and nothing else.

    Returns:
        Tensor | None: Where image-level labels train the classifier on this
        view, a scalar with the gradient that the backbone needs for it.
    """
    train = model.use_image_labels
    with bn_mode(model, model.weak_bn):
        with torch.set_grad_enabled(train):
            feats = model.extract_feat(inputs)
            last = stage_map(feats[model.sgc_head.in_index[-1]])
            scalar = last.float().mean() if train else None
        with torch.no_grad():
            model.decode(feats)
    torch.clear_autocast_cache()  # see SemiSegmentor.make_pseudo_labels
    return scalar


@contextmanager
def stock_losses(model: SemiSegmentor) -> Iterator[None]:
    """The decode heads' losses as a stock segmentor computes them."""
    bands = {head: vars(head).pop('loss_by_feat') for head in model.modules()
             if 'loss_by_feat' in vars(head)}
    try:
        yield
    finally:
        for head, loss_by_feat in bands.items():
            head.loss_by_feat = loss_by_feat


def floor_step(trainee: Trainee) -> None:
    """What PseudoSeg cannot do without: its three passes, in stock code.

    As :func:`three_passes`, one after the other, and the labelled images
    exactly as in stock training.
    """
    with stock_losses(trainee.model):
        three_passes(trainee, joint=False)


def same_passes_step(trainee: Trainee, span: Callable = nullcontext) -> None:
    """The very passes that the step makes, and nothing else of it.

    As :func:`three_passes`, jointly where the step passes jointly, with L_s
    in bands.
    """
    three_passes(trainee, trainee.model.joint_pass, span)


def three_passes(trainee: Trainee, joint: bool,
                 span: Callable = nullcontext) -> None:
    """The three passes on PseudoSeg's own network.

    The weak view forward; the strong view forward and backward from the mean
    of its logits; the labelled images forward and backward from the losses of
    the decode heads, auxiliary ones included; preprocessor and optimizer. No
    SGC head, no fusion, no loss of the strong view.

    Args:
        trainee (Trainee): Of a semi-supervised config.
        joint (bool): Strong view and labelled images as one batch.
        span (Callable): Context manager for a named part.
    """
    model, optim, batch = trainee
    with optim.optim_context(model):
        with span('data preprocessor'):
            data = model.data_preprocessor(batch, True)
        views, samples = data['inputs'], data['data_samples']['labeled']
        scalars = {}
        with span('weak forward'):
            scalars['weak'] = weak_pass(model, views['weak'])
        strong = labeled = None
        if joint:
            with span('joint forward'):
                strong, labeled = model.extract_jointly(
                    views['strong'], views['labeled'])
        with span('strong forward'):
            strong = strong or model.extract_feat(views['strong'])
            scalars['strong'] = model.decode(strong).float().mean()
        with span('labelled forward'):
            labeled = labeled or model.extract_feat(views['labeled'])
            scalars['labelled'] = stock_loss(model, labeled, samples)
    if joint:  # they share a graph
        scalars['joint'] = scalars.pop('strong') + scalars.pop('labelled')
    for name, scalar in scalars.items():
        if scalar is not None:
            with span(f'{name} backward'):
                optim.backward(scalar)
    with span('optimizer'):
        optim.step()
        optim.zero_grad()


def stock_loss(model: SemiSegmentor, feats: Sequence[Tensor],
               samples: list) -> Tensor:
    """What ``EncoderDecoder.loss`` makes of features: a scalar, all summed.

    Args:
        model (SemiSegmentor): In training mode.
        feats (Sequence[Tensor]): Of the labelled images, each (N, D, h, w).
        samples (list[SegDataSample]): With masks.
    """
    losses = model._decode_head_forward_train(feats, samples)
    if model.with_auxiliary_head:
        losses.update(model._auxiliary_head_forward_train(feats, samples))
    return model.parse_losses(losses)[0]


def timed_parts(trainee: Trainee) -> List[Part]:
    """The methods of the real step that have a row in the table."""
    model, optim = trainee.model, trainee.optim
    head = model.sgc_head
    return [
        Part(model.data_preprocessor, 'forward', 'data preprocessor'),
        Part(model, 'make_pseudo_labels', 'weak pass'),
        *(Part(head, method, 'SGC and CAM') for method in (
            'forward', 'classify', 'image_labels', 'loss_by_feat',
            'loss_image_labels')),
        Part(model.pseudo_label, 'forward', 'fusion'),
        Part(model, 'extract_jointly', 'joint pass'),
        Part(model, 'loss_strong', 'strong pass'),
        Part(model.unsup_loss, 'forward', 'soft loss'),
        Part(model, 'loss_labeled', 'labelled pass'),
        Part(optim, 'backward', 'backward'),
        *(Part(optim, method, 'optimizer') for method in (
            'step', 'zero_grad'))
    ]


def run_parts(trainee: Trainee, spans: Spans) -> None:
    """One real step, uncompiled, its parts counted."""
    model = trainee.model
    with spans.watch(timed_parts(trainee)), spans('rest'):
        type(model).train_step(model, trainee.batch, trainee.optim)
