"""From a stock model config to the keys that make it semi-supervised."""

import inspect
from typing import Any, List, Tuple

import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS

from mmseg_pseudoseg.config_checks import Problem
from mmseg_pseudoseg.engine.sentences import explain_mmpretrain
from mmseg_pseudoseg.models.utils import Stage, find_stages, hypercolumn
from mmseg_pseudoseg.network_checks import channel_problems

SIZE = 128
SEGMENTORS = dict(
    EncoderDecoder='SemiSegmentor',
    CascadeEncoderDecoder='CascadeSemiSegmentor')
# They extend the stock base class, but forward() gives no map of logits.
NO_MAP = dict(
    PointHead='predicts single points, not a map of logits')


class NetworkError(ValueError):
    """A config that cannot be made semi-supervised by keys."""


def heads(model: ConfigDict) -> List[ConfigDict]:
    """The decode heads, first to last."""
    head = model.get('decode_head')
    return head if isinstance(head, list) else [head]


def check_segmentor(model: ConfigDict) -> None:
    """Refuse what ``SemiSegmentor`` cannot extend.

    Args:
        model (ConfigDict): ``model`` of a config.

    Raises:
        NetworkError: Naming the key.
    """
    if model.get('type') not in SEGMENTORS:
        raise NetworkError(
            f'model.type={model.get("type")!r} is neither EncoderDecoder nor '
            'CascadeEncoderDecoder, the two that SemiSegmentor extends')
    for head in heads(model):
        kind = head.get('type') if head else None
        cls = MODELS.get(kind) if kind else None
        if kind in NO_MAP:
            raise NetworkError(f'model.decode_head.type={kind!r} '
                               f'{NO_MAP[kind]}')
        if not (inspect.isclass(cls) and issubclass(cls, BaseDecodeHead)):
            raise NetworkError(
                f'model.decode_head.type={kind!r} is no BaseDecodeHead: heads '
                'that answer queries give masks, not a map of logits')


def without_weights(node: Any) -> Any:
    """The same config, loading nothing when it is built or initialised."""
    if isinstance(node, dict):
        result = type(node)()
        if str(node.get('type')).endswith('TIMMBackbone'):
            result['pretrained'] = False  # mmseg's own default is True
        for key, value in node.items():
            if key == 'pretrained':
                value = False if isinstance(value, bool) else None
            elif key == 'init_cfg':
                value = None
            result[key] = without_weights(value)
        return result
    if isinstance(node, (list, tuple)):
        return type(node)(without_weights(item) for item in node)
    return node


def run(cfg: ConfigDict, inputs: Any) -> Any:
    """What a module built from ``cfg`` gives for ``inputs``."""
    module = MODELS.build(cfg)
    module.eval()  # on its own: train() of stock backbones returns None
    return module(inputs)


def probe(model: ConfigDict, size: int = SIZE) -> List[Stage]:
    """Feed a small image to backbone and neck.

    Args:
        model (ConfigDict): ``model`` of a config.
        size (int): Height and width of the image.

    Returns:
        list[Stage]: What the heads are given.

    Raises:
        NetworkError: If this fails, or gives no maps.
    """
    init_default_scope('mmseg')
    part = 'backbone'
    try:
        backbone = without_weights(model.backbone)
        if 'img_size' in backbone:  # else some take no other size
            backbone.img_size = size
        feats = run(backbone, torch.zeros(1, 3, size, size))
        if model.get('neck'):
            part = 'neck'
            feats = run(without_weights(model.neck), feats)
    except Exception as error:
        if explain_mmpretrain(error):
            raise
        first = (str(error).splitlines() or [''])[0]
        raise NetworkError(f'model.{part} does not run on a {size} x {size} '
                           f'image: {type(error).__name__}: {first}'
                           ) from error
    try:
        return find_stages(feats, size)
    except ValueError as error:
        raise NetworkError(f'model.{part} {error}') from error


@torch.no_grad()
def channels_to_change(model: ConfigDict) -> List[Problem]:
    """Keys of the heads that do not fit backbone and neck.

    Args:
        model (ConfigDict): ``model`` of a config.

    Returns:
        list[Problem]: Empty too where the network cannot be tried.
    """
    try:
        return channel_problems(model, probe(model))
    except NetworkError:
        return []


@torch.no_grad()
def semi_keys(model: ConfigDict) -> Tuple[dict, List[Stage]]:
    """What PseudoSeg adds to a stock model.

    Args:
        model (ConfigDict): ``model`` of a config, complete.

    Returns:
        tuple[dict, list[Stage]]: Keys that go over ``model``, and the stages
        among which ``sgc_head`` chooses.

    Raises:
        NetworkError: Naming the key that is in the way.
    """
    init_default_scope('mmseg')
    check_segmentor(model)
    last = heads(model)[-1]
    if 'num_classes' not in last:
        raise NetworkError('model.decode_head.num_classes is not set (the '
                           'last one, in a cascade); set it')
    default = inspect.signature(BaseDecodeHead).parameters['align_corners']
    align = last.get('align_corners', default.default)
    stages = probe(model)
    chosen = hypercolumn(stages)
    return dict(
        type=SEGMENTORS[model.type],
        data_preprocessor=dict(type='MultiBranchDataPreprocessor'),
        sgc_head=dict(
            type='SGCHead',
            in_channels=tuple(stage.channels for stage in chosen),
            in_index=tuple(stage.position for stage in chosen),
            align_corners=align),
        pseudo_label=dict(type='CalibratedFusion', align_corners=align),
        unsup_loss=dict(type='SoftCrossEntropyLoss')), stages
