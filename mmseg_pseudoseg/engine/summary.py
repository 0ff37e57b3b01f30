"""What a run is about to do, in a dozen lines."""

from textwrap import shorten
from typing import Any, Dict, Iterator

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import cuda, nn
from torch.utils.data import DataLoader

_WIDTH = 79


def describe_run(runner: Runner, mode: str) -> str:
    """Tell what a Runner that is ready is about to do.

    Args:
        runner (Runner): Built and loaded.
        mode (str): 'train', 'val' or 'test'.

    Returns:
        str: A name and a value on each line.
    """
    loader = getattr(runner, f'{mode}_dataloader')
    classes = getattr(loader.dataset, 'metainfo', {}).get('classes') or ()
    rows = {
        'config': runner.cfg.filename or '(none)',
        'work dir': runner.work_dir,
        'log': runner.logger.log_file,
        'network': describe_network(runner.model),
        'classes': shorten(f'{len(classes)}: {", ".join(classes)}', _WIDTH,
                           placeholder=' ...'),
        'images': describe_images(loader),
    }
    rows.update(_training(runner, loader) if mode == 'train' else {
        'weights': runner.cfg.get('load_from') or 'none'})
    rows['device'] = describe_device(runner)
    rows['seed'] = runner.seed
    title = dict(train='Training', val='Validation', test='Test')[mode]
    return '\n'.join([title, *(f'  {name:15}{value}'
                               for name, value in rows.items())])


def _training(runner: Runner, loader: DataLoader) -> Dict[str, Any]:
    """Rows that training alone has."""
    iterations = str(runner.max_iters)
    if runner.val_loop is not None:
        iterations += f', validation every {runner.val_interval}'
    origin = runner.cfg.get('load_from')
    start = f'weights of {origin}' if origin else 'new'
    if runner.iter:
        start = f'goes on after iteration {runner.iter}'
        start += f' of {origin}' if origin else ' of the last checkpoint'
    return {'images a step': describe_step(runner, loader),
            'iterations': iterations, 'start': start}


def describe_network(model: nn.Module) -> str:
    """Types of a network's parts, and the number of its parameters."""
    network: Any = model
    if is_model_wrapper(network):
        network = network.module
    parts = [type(part).__name__ for part in _parts(network)]
    count = sum(weight.numel() for weight in network.parameters())
    return (f'{type(network).__name__} of {", ".join(parts)}; '
            f'{count / 1e6:.1f} M parameters')


def _parts(model: nn.Module) -> Iterator[nn.Module]:
    """What a segmentor consists of, as configs name it."""
    for name in ('backbone', 'neck', 'decode_head', 'auxiliary_head',
                 'sgc_head'):
        part = getattr(model, name, None)
        if isinstance(part, nn.ModuleList):
            yield from part
        elif part is not None:
            yield part


def describe_images(loader: DataLoader) -> str:
    """Number of images, of each part where there are two."""
    dataset: Any = loader.dataset
    sizes = getattr(dataset, 'source_sizes', None)
    return _counts(sizes) if sizes else str(len(dataset))


def describe_step(runner: Runner, loader: DataLoader) -> str:
    """Number of images in a step of all processes."""
    shares = getattr(loader.batch_sampler, 'num_per_source', None)
    size = _counts(shares) if shares else str(loader.batch_size)
    return size + (f', in each of {runner.world_size} processes'
                   if runner.world_size > 1 else '')


def _counts(counts: Dict[str, int]) -> str:
    """Counts of labelled and unlabelled images as text."""
    names = dict(labeled='labelled', unlabeled='unlabelled')
    return ' + '.join(f'{count} {names.get(name, name)}'
                      for name, count in counts.items())


def describe_device(runner: Runner) -> str:
    """Where it runs: the GPU's name, how many processes."""
    device = next(runner.model.parameters()).device
    name = str(device)
    if device.type == 'cuda':
        name = f'{cuda.get_device_name(device)} ({device})'
    return name + (f', {runner.world_size} processes'
                   if runner.world_size > 1 else '')
