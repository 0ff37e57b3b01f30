"""A config and weights that need MMSegmentation alone."""

import inspect
from typing import Any, Dict, List, Optional

import torch
from mmengine.config import Config
from mmengine.registry import Registry
from mmseg.registry import DATASETS, METRICS, MODELS, TRANSFORMS
from torch import nn

from ..evaluation.tta import augment
from ..weights import TRAINING_ONLY

OURS = 'mmseg_pseudoseg.'
# Of a config, what predicts and measures.
COPIED = ('default_scope', 'env_cfg', 'log_level', 'log_processor',
          'test_cfg', 'vis_backends')


# Where a class of ours predicts as the stock one does that it extends: in
# training they differ. Of a backbone or a head of ours nobody knows.
REPLACED = ('model', 'data_preprocessor', 'norm_cfg')


class NoStockPartError(ValueError):
    """A part of the network exists in this package alone."""


def stock_kind(kind: Any, registry: Registry) -> Optional[type]:
    """The registered class that ours extends, or the class itself.

    Args:
        kind (str | type): As in a config.
        registry (Registry): Where it is registered.

    Returns:
        type | None: None if the class extends no registered one.
    """
    cls = registry.get(kind) if isinstance(kind, str) else kind
    for base in getattr(cls, '__mro__', ()):
        if not base.__module__.startswith(OURS):
            return base if base is cls or _name(base, registry) else None
    return None


def _name(cls: type, registry: Optional[Registry]) -> Optional[str]:
    """The name under which a registry, or one above it, knows a class."""
    while registry is not None:
        for name, other in registry.module_dict.items():
            if other is cls:
                return name
        registry = registry.parent
    return None


def to_stock(part: dict, registry: Registry) -> Optional[dict]:
    """Config of one part, with the stock class in place of ours.

    Args:
        part (dict): With ``type``.
        registry (Registry): Where the type is registered.

    Returns:
        dict | None: Without the keys that ours adds, and with its defaults
        where they differ; None if there is no stock class.
    """
    kind = part['type']
    cls = registry.get(kind) if isinstance(kind, str) else kind
    stock = stock_kind(kind, registry)
    if stock is None:
        return None
    if stock is cls:
        return dict(part)
    ours = inspect.signature(cls.__init__).parameters
    theirs = inspect.signature(stock.__init__).parameters
    result = {key: value for key, value in part.items()
              if key not in ours or key in theirs}
    for key, own in ours.items():
        if key in theirs and own.default not in (
                own.empty, theirs[key].default):
            result.setdefault(key, own.default)
    result['type'] = _name(stock, registry)
    return result


def without_downloads(node: Any) -> Any:
    """Turn off the weights that parts of a model load as they are built.

    Args:
        node (dict | list | object): The model's config, or a part of it.

    Returns:
        dict | list | object: A copy; ``pretrained`` and ``init_cfg`` name
        nothing.
    """
    if isinstance(node, (list, tuple)):
        return type(node)(without_downloads(item) for item in node)
    if not isinstance(node, dict):
        return node
    quiet = dict(init_cfg=None, pretrained=False if node.get(
        'pretrained') is True else None)
    return {key: quiet[key] if key in quiet else without_downloads(value)
            for key, value in node.items()}


def _model(node: Any, key: str) -> Any:
    """The model's config in stock classes, part by part."""
    if isinstance(node, (list, tuple)):
        return type(node)(_model(item, key) for item in node)
    if not isinstance(node, dict):
        return node
    if 'type' in node:
        stock = to_stock(node, MODELS)
        ours = stock is None or stock['type'] != node['type']
        if ours and key.endswith('loss_decode'):
            return dict(type='CrossEntropyLoss')  # prediction has no loss
        if stock is None or ours and not key.endswith(REPLACED):
            raise NoStockPartError(
                f'{key}.type={node["type"]} exists in mmseg_pseudoseg alone, '
                'so this network needs the package')
        node = stock
    return {name: _model(value, f'{key}.{name}')
            for name, value in node.items()}


def _steps(steps: List[dict]) -> List[dict]:
    """A pipeline without checks of ours."""
    stock = [to_stock(step, TRANSFORMS) for step in steps]
    return [step for step in stock if step is not None]


def _data(node: Any, metainfo: dict) -> Any:
    """Data sets, inside wrappers as well, with explicit classes."""
    if isinstance(node, (list, tuple)):
        return [_data(item, metainfo) for item in node]
    if not isinstance(node, dict) or 'type' not in node:
        return node
    node = to_stock(node, DATASETS) or dict(node)
    if 'pipeline' in node:
        node['pipeline'] = _steps(node['pipeline'])
        node['metainfo'] = metainfo
    return {key: value if key in ('pipeline', 'metainfo') else
            _data(value, metainfo) for key, value in node.items()}


def stock_config(cfg: Config, metainfo: dict) -> Config:
    """The part of a config that predicts and measures, in stock classes.

    Args:
        cfg (Config): As the network was trained.
        metainfo (dict): ``classes`` and ``palette``.

    Returns:
        Config: For ``init_model``, ``MMSegInferencer`` and the stock
        ``tools/test.py``.

    Raises:
        NoStockPartError: If a part of the network has no stock class.
    """
    result = {key: cfg[key] for key in COPIED if cfg.get(key) is not None}
    result['model'] = _model(without_downloads(cfg.model), 'model')
    meta = {key: metainfo[key] for key in ('classes', 'palette')
            if metainfo.get(key)}
    loader = dict(cfg.test_dataloader)
    loader['dataset'] = _data(loader['dataset'], meta)
    part = loader['dataset']
    while 'pipeline' not in part:  # inside a wrapper
        part = part.get('dataset') or part['datasets'][0]
    metrics = cfg.get('test_evaluator') or []
    metrics = metrics if isinstance(metrics, list) else [metrics]
    result.update(
        test_pipeline=part['pipeline'], test_dataloader=loader,
        test_evaluator=[dict(metric) for metric in metrics
                        if stock_kind(metric['type'], METRICS) is METRICS.get(
                            metric['type'])],
        visualizer=dict(type='SegLocalVisualizer', name='visualizer',
                        vis_backends=cfg.get('vis_backends') or []))
    if cfg.get('tta_model') and cfg.get('tta_pipeline'):
        result.update(tta_model=dict(cfg.tta_model), tta_pipeline=augment(
            part['pipeline'], cfg.tta_pipeline))
    return Config(Config(result).to_dict())


def is_semi(checkpoint: dict) -> bool:
    """Whether a checkpoint is one of a ``SemiSegmentor``.

    Args:
        checkpoint (dict): As MMEngine saves it.

    Returns:
        bool: Whether it holds an SGC head.
    """
    return any(key.startswith('sgc_head.')
               for key in checkpoint.get('state_dict', {}))


def stock_state(checkpoint: dict) -> Dict[str, torch.Tensor]:
    """The weights that predict.

    Args:
        checkpoint (dict): Of a ``SemiSegmentor``. Its state dict is changed
            in place, which keeps the versions of the modules that it carries.

    Returns:
        dict[str, Tensor]: The state dict of the stock segmentor.
    """
    state = checkpoint['state_dict']
    for key in [key for key in state if key.startswith(TRAINING_ONLY)
                and not key.startswith('auxiliary_head.')]:
        del state[key]
    return state


def predict(model: Any, image: torch.Tensor) -> torch.Tensor:
    """Logits at the image's size.

    Args:
        model (nn.Module): A segmentor.
        image (Tensor): (N, 3, H, W), normalised.

    Returns:
        Tensor: (N, C, H, W).
    """
    shape = tuple(image.shape[2:])
    meta = dict(img_shape=shape, pad_shape=shape, ori_shape=shape)
    return model.encode_decode(image, [meta] * len(image))


@torch.no_grad()
def check_same(model: nn.Module, stock: nn.Module, size: tuple) -> None:
    """Compare two networks on a random image.

    Args:
        model (nn.Module): Of this package, with its weights.
        stock (nn.Module): Of stock classes, with the same weights.
        size (tuple[int, int]): Height and width.

    Raises:
        NoStockPartError: If they differ by more than rounding.
    """
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(
        0))
    one, two = (predict(net.eval(), image) for net in (model, stock))
    if not torch.allclose(one, two, rtol=1e-4, atol=1e-4 * float(
            one.abs().max())):
        raise NoStockPartError(
            'the network of stock classes predicts something else '
            f'(by up to {float((one - two).abs().max()):.2g}): a part of ours '
            'computes in another way, so this network needs the package')
