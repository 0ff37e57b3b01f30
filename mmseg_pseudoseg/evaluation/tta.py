"""Test-time augmentation around a config's own test pipeline."""

from copy import deepcopy
from typing import Any, Callable, List, Optional, Sequence

from mmcv.transforms import Resize, TestTimeAug
from mmengine.config import Config, ConfigDict
from mmseg.datasets.transforms import PackSegInputs, ResizeShortestEdge
from mmseg.registry import TRANSFORMS

from ..datasets.without_masks import reads_masks, with_pipeline


def is_a(step: dict, *kinds: type) -> bool:
    """Whether the config of a step names one of these classes."""
    kind = step['type']
    kind = TRANSFORMS.get(kind) if isinstance(kind, str) else kind
    return isinstance(kind, type) and issubclass(kind, kinds)


def scaled(step: dict, factor: float) -> dict:
    """A step that resizes, to so many times its size.

    Args:
        step (dict): ``Resize`` or ``ResizeShortestEdge``.
        factor (float): Above 0.

    Returns:
        dict: A copy.
    """
    def times(size: Any) -> Any:
        if isinstance(size, (list, tuple)):
            return tuple(map(times, size))
        return None if size is None else max(round(size * factor), 1)

    result = dict(step)
    for key in ('scale', 'max_size'):
        if result.get(key) is not None:
            result[key] = times(result[key])
    if result.get('scale_factor') is not None:
        own = result['scale_factor']
        result['scale_factor'] = tuple(
            one * factor for one in own) if isinstance(
                own, (list, tuple)) else own * factor
    return result


def first(steps: Sequence[dict],
          wanted: Callable[[dict], bool]) -> Optional[int]:
    """Place of the first step that is wanted; None if there is none."""
    return next((i for i, step in enumerate(steps) if wanted(step)), None)


def augment(test: Sequence[dict], tta: Sequence[dict]) -> List[dict]:
    """A test pipeline with the augmentations of another.

    ``tta_pipeline`` holds factors (``Resize(scale_factor=...)``). The stock
    way takes them of the image, whatever size the test pipeline makes of it,
    on which the network was trained.

    Args:
        test (Sequence[dict]): Steps of the test pipeline.
        tta (Sequence[dict]): Steps of ``tta_pipeline``, with one
            ``TestTimeAug``.

    Returns:
        list[dict]: ``test`` with ``TestTimeAug`` in place of its step that
        resizes (where it has none: in front of its masks, with the factors
        as they are), and the alternatives of ``tta``. ``tta`` as it is, if
        its sizes are no factors.
    """
    # TestTimeAug, once built, puts what it built into the lists.
    test, steps = deepcopy(list(test)), deepcopy(list(tta))
    place = first(steps, lambda step: is_a(step, TestTimeAug))
    lists = [] if place is None else list(steps[place]['transforms'])
    sizes = first(lists, lambda one: bool(one) and all(
        is_a(step, Resize) and step.get('scale_factor') is not None
        for step in one))
    if place is None or sizes is None:
        return steps
    factors = [step['scale_factor'] for step in lists[sizes]]
    resizes = first(test, lambda step: is_a(step, Resize, ResizeShortestEdge))
    if resizes is None or any(isinstance(f, (list, tuple)) for f in factors):
        before = first(test, lambda step: reads_masks(step) or is_a(
            step, PackSegInputs))
        begin = end = len(test) if before is None else before
    else:
        begin, end = resizes, resizes + 1
        lists[sizes] = [scaled(test[begin], f) for f in factors]
    # What the other lists do once, such as packing, is the test pipeline's.
    kept = [one for one in lists if len(one) > 1 or not (
        reads_masks(one[0]) or is_a(one[0], PackSegInputs))]
    rest = [[step] for step in test[end:]]
    return [*test[:begin], dict(steps[place], transforms=kept + rest)]


def enable_tta(cfg: Config) -> None:
    """Predict with the mean over augmented copies of each image.

    Args:
        cfg (Config): Its model and its test pipeline are wrapped.

    Raises:
        ValueError: If ``tta_model`` or ``tta_pipeline`` is missing.
    """
    for key in ('tta_model', 'tta_pipeline'):
        if not cfg.get(key):
            raise ValueError(
                f'--tta: {cfg.filename} has no {key}: take it from '
                '_base_/default_runtime.py')
    for part in list(with_pipeline(cfg.test_dataloader.dataset)):
        part['pipeline'] = augment(part['pipeline'], cfg.tta_pipeline)
    cfg.model = ConfigDict(cfg.tta_model, module=cfg.model)
