"""Images that are predicted and have no masks to compare with."""

from typing import Any, Callable, Iterator, List, Tuple

from mmengine.config import Config
from mmengine.fileio import exists
from mmseg.registry import DATASETS, TRANSFORMS


def with_pipeline(part: dict) -> Iterator[dict]:
    """Configs of data sets that have a pipeline, inside wrappers as well."""
    if part.get('pipeline') is not None:
        yield part
    for value in part.values():
        for inner in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(inner, dict) and 'type' in inner:
                yield from with_pipeline(inner)


def reads_masks(step: dict) -> bool:
    """Whether a step of a pipeline reads or checks masks."""
    kind = step.get('type')
    kind = TRANSFORMS.get(kind) if isinstance(kind, str) else kind
    return isinstance(kind, type) and any(
        'Annotation' in base.__name__ for base in kind.__mro__)


def without_masks(steps: list) -> list:
    """A pipeline without the steps that need masks.

    Args:
        steps (list): Steps; inside ``TestTimeAug`` and its like, lists of
            alternatives, which are left out where nothing remains.

    Returns:
        list: A copy.
    """
    kept: List[Any] = []
    for step in steps:
        if isinstance(step, (list, tuple)):
            inner = without_masks(list(step))
            kept += [inner] if inner or not step else []
        elif not reads_masks(step):
            kept.append(dict(step, transforms=without_masks(
                step['transforms'])) if 'transforms' in step else step)
    return kept


def count_masks(part: dict) -> Tuple[int, List[str]]:
    """How many images a data set has, and which of them lack a mask.

    Args:
        part (dict): Config of the data set, not of a wrapper.

    Returns:
        tuple[int, list[str]]: Number of images; paths of the masks that are
        not there, or of the images where no folder of masks is named.

    Raises:
        ValueError: If there is no image.
    """
    dataset = DATASETS.build(dict(part, lazy_init=True))
    try:
        dataset.full_init()
    except ValueError as error:  # MMEngine's of an empty list has no name
        if dataset.load_data_list():
            raise
        raise ValueError(
            'test_dataloader.dataset has no image: '
            f'{dataset.ann_file or dataset.data_prefix.get("img_path")} '
            f'names none that ends with img_suffix="{dataset.img_suffix}"'
        ) from error
    lacking = []
    for i in range(len(dataset)):
        info = dataset.get_data_info(i)
        mask = info.get('seg_map_path')
        if mask is None or not exists(mask, backend_args=getattr(
                dataset, 'backend_args', None)):
            lacking.append(mask or info['img_path'])
    return len(dataset), lacking


def predict_only(cfg: Config, writes: bool) -> bool:
    """Let a test predict images that have no masks.

    Args:
        cfg (Config): Where no image has a mask, its test pipeline and
            ``tta_pipeline`` lose the steps that read masks, and its
            ``test_evaluator`` the metrics. A pipeline that reads no masks
            stays; only metrics with ``format_only`` go, which would write
            the predictions a second time.
        writes (bool): Whether the predictions are kept.

    Returns:
        bool: Whether the config was changed so.

    Raises:
        ValueError: If there is no data set or no image, only some have a
            mask, or none has and nothing is kept.
    """
    if not cfg.get('test_dataloader'):
        raise ValueError('there is no test_dataloader')
    data = cfg.test_dataloader.dataset
    parts = list(with_pipeline(data))
    if not any(without_masks(part['pipeline']) != part['pipeline']
               for part in parts):
        keep_metrics(cfg, lambda metric: not metric.get('format_only'))
        return False  # the config takes care of it
    counts = [count_masks(part) for part in parts]
    number = sum(one for one, _ in counts)
    lacking = [path for _, paths in counts for path in paths]
    if not lacking:
        return False
    some = ', '.join(lacking[:3]) + (', ...' if len(lacking) > 3 else '')
    if len(lacking) < number:
        raise ValueError(
            f'{len(lacking)} of the {number} images of test_dataloader.'
            f'dataset have no mask ({some}): add the masks, or list the '
            'images that have one in ann_file; to predict images without '
            'masks, put them in a folder of their own and give --out DIR')
    if not writes:
        raise ValueError(
            f'none of the {number} images of test_dataloader.dataset has a '
            f'mask ({some}), so nothing can be measured: --out DIR (classes) '
            'or --show-dir DIR (pictures) predicts them; to measure, point '
            'data_prefix.seg_map_path at the masks')
    for part in parts:
        part['pipeline'] = without_masks(part['pipeline'])
    if cfg.get('tta_pipeline'):
        cfg.tta_pipeline = without_masks(cfg.tta_pipeline)
    keep_metrics(cfg, lambda _: False)
    return True


def keep_metrics(cfg: Config, wanted: Callable[[dict], bool]) -> None:
    """Keep some metrics, and ``CityscapesMetric``, which writes predictions.

    Args:
        cfg (Config): Its ``test_evaluator`` becomes a list.
        wanted (Callable): Whether a metric is kept.
    """
    metrics = cfg.get('test_evaluator') or []
    cfg.test_evaluator = [
        metric for metric in (
            metrics if isinstance(metrics, list) else [metrics])
        if wanted(metric) or is_cityscapes(metric)]


def is_cityscapes(metric: dict) -> bool:
    """Whether a metric is ``CityscapesMetric``, by its config."""
    kind = metric.get('type')
    return getattr(kind, '__name__', str(kind)).endswith('CityscapesMetric')
