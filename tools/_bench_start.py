"""Starts of ``train.py``: fresh, resumed, with few and with many ids."""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Sequence

import torch
from _benchmark import PARTS
from mmengine.config import Config

TOOLS = Path(__file__).resolve().parent
FEW = dict(zip(PARTS, (10, 90)))


def weight_options(node: Any, path: str = 'model') -> List[str]:
    """Options that keep a network from loading weights.

    Args:
        node (Any): A config's ``model``, or what it holds.
        path (str): Where it stands.

    Returns:
        list[str]: For ``--cfg-options``.
    """
    items = enumerate(node) if isinstance(node, list) else node.items()
    options = []
    if isinstance(node, dict) and 'pretrained' not in node and str(
            node.get('type')).endswith('TIMMBackbone'):
        options.append(f'{path}.pretrained=False')  # True in mmseg's own
    for key, value in items:
        if key == 'pretrained':
            off = False if isinstance(value, bool) else None
            options.append(f'{path}.{key}={off}')
        elif key == 'init_cfg' and 'Pretrained' in str(value):
            options.append(f'{path}.{key}=None')
        elif isinstance(value, (dict, list)):
            options += weight_options(value, f'{path}.{key}')
    return options


def as_options(keys: Dict[str, Any]) -> List[str]:
    """Keys of a config as ``--cfg-options`` takes them.

    Args:
        keys (dict): Of that option, parsed; lists are among the values.

    Returns:
        list[str]: ``KEY=VALUE``.
    """
    return [f'{key}={str(value).replace(" ", "")}'
            for key, value in keys.items()]


def call(command: Sequence[object], log: Path) -> None:
    """Run a command; its output goes to a file.

    Raises:
        SystemExit: With the end of that file, if the command fails.
    """
    with log.open('w') as file:
        code = subprocess.run([str(part) for part in command], stdout=file,
                              stderr=subprocess.STDOUT).returncode
    if code:
        tail = '\n'.join(log.read_text().splitlines()[-20:])
        raise SystemExit(f'error: train.py ended with {code}:\n{tail}')


def start(config: str, work_dir: Path, options: Sequence[str],
          checkpoint: str = '') -> Dict[str, Any]:
    """Run ``train.py`` to its first batch, see ``_bench_child.py``.

    Args:
        config (str): Path of the config.
        work_dir (Path): Of the run.
        options (list[str]): For ``--cfg-options``.
        checkpoint (str): To resume from.

    Returns:
        dict: What the child found out.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    report = work_dir / 'report.json'
    resume = ['--resume', checkpoint] if checkpoint else []
    call([sys.executable, TOOLS / '_bench_child.py', report,
          time.perf_counter(), config, '--work-dir', work_dir, *resume,
          '--cfg-options', *options], work_dir / 'output.txt')
    return json.loads(report.read_text())


def alternate(runs: Dict[str, Dict[str, Any]], rounds: int
              ) -> Dict[str, List[Dict[str, Any]]]:
    """Start each kind in turn, in opposite order every other round.

    Args:
        runs (dict[str, dict]): Kind -> arguments of :func:`start`.
        rounds (int): How often.

    Returns:
        dict[str, list[dict]]: Kind -> what the children found out.
    """
    found: Dict[str, List[Dict[str, Any]]] = {name: [] for name in runs}
    for k in range(rounds):
        for name in sorted(runs, key=list(runs).index, reverse=k % 2 == 1):
            found[name].append(start(**runs[name]))
    return found


def medians(found: Sequence[Dict[str, Any]]) -> Dict[str, Any]:
    """Medians over the starts of one kind.

    Args:
        found (list[dict]): Of :func:`start`.

    Returns:
        dict: Seconds until the first batch, of the parts, of the main
        process's core; bytes of the median worker, of the reader of all ids,
        of the main process and of the list.
    """
    def median(values: Sequence[float]) -> float:
        return statistics.median(values)

    names = dict.fromkeys(name for run in found for name in run['parts'])
    return dict(
        seconds=median([run['seconds'] for run in found]),
        fastest=min(run['seconds'] for run in found),
        cpu_seconds=median([run['cpu_seconds'] for run in found]),
        parts={name: median([run['parts'].get(name, 0.) for run in found])
               for name in names},
        list_bytes=found[0]['list_bytes'], sizes=found[0]['sizes'],
        iteration=found[0]['iteration'], threads=found[0]['threads'],
        **{who: {kind: median([run[who][kind] for run in found])
                 for kind in ('private', 'pss')}
           for who in ('main', 'reader')},
        worker={kind: median([worker[kind] for run in found
                              for worker in run['workers']])
                for kind in ('private', 'pss')} if found[0]['workers'] else {},
        runs=list(found))


def set_iteration(source: Path, target: Path, iteration: int) -> None:
    """Let a checkpoint say that it is of a later iteration.

    Weights and the optimizer's state stay.

    Args:
        source (Path): A checkpoint of a run.
        target (Path): The file to write.
        iteration (int): What it will say.
    """
    checkpoint = torch.load(source, map_location='cpu', weights_only=False)
    checkpoint['meta']['iter'] = iteration
    checkpoint['message_hub']['runtime_info']['iter'] = iteration
    for scheduler in checkpoint['param_schedulers']:
        scheduler['last_step'] = iteration
    torch.save(checkpoint, target)


def measure_startup(cfg: Config, config: str, folder: Path,
                    roots: Dict[str, Sequence[str]],
                    rounds: int) -> Dict[str, Any]:
    """Fresh starts with all ids and with few.

    Args:
        cfg (Config): The config.
        config (str): Its path.
        folder (Path): For work dirs.
        roots (dict[str, list[str]]): Kind -> options that lead to its data.
        rounds (int): How often each is started.

    Returns:
        dict: Kind -> medians.
    """
    found = alternate({
        name: dict(config=config, work_dir=folder / name,
                   options=[*data, *weight_options(cfg.model)])
        for name, data in roots.items()}, rounds)
    return {name: medians(runs) for name, runs in found.items()}


def measure_resume(cfg: Config, config: str, folder: Path,
                   options: Sequence[str], iteration: int,
                   rounds: int) -> Dict[str, Any]:
    """Fresh starts and resumed ones, and what either decodes.

    Args:
        cfg (Config): The config.
        config (str): Its path.
        folder (Path): For work dirs and the checkpoint.
        options (list[str]): For ``--cfg-options``; they lead to the data.
        iteration (int): Where the run goes on.
        rounds (int): How often each is started.

    Returns:
        dict: ``fresh`` and ``resumed`` -> medians; what is ``decoded`` for
        the first batch; and what is by then, ``by_workers``, who prefetch.
    """
    options = [*options, *weight_options(cfg.model)]
    shares = sum(cfg.train_dataloader.batch_sampler.source_ratio.values())
    alone = ['train_dataloader.num_workers=0',
             'train_dataloader.persistent_workers=False']
    call([sys.executable, TOOLS / 'train.py', config, '--work-dir',
          folder / 'first', '--cfg-options', *options, *alone,
          # Two of each kind: a batch norm behind a pooling needs them.
          f'train_dataloader.batch_size={2 * shares}',
          'train_cfg.max_iters=1', 'train_cfg.val_begin=2'],
         folder / 'first.txt')
    checkpoint = folder / f'iter_{iteration}.pth'
    set_iteration(folder / 'first' / 'iter_1.pth', checkpoint, iteration)
    runs: Dict[str, Dict[str, Any]] = dict(
        fresh=dict(config=config, work_dir=folder / 'fresh', options=options),
        resumed=dict(config=config, work_dir=folder / 'resumed',
                     options=options, checkpoint=str(checkpoint)))
    found = alternate(runs, rounds)
    result = {name: medians(starts) for name, starts in found.items()}
    for name, arguments in runs.items():
        counted = start(**{**arguments, 'options': [*options, *alone]})
        result[name].update(
            decoded=counted['decoded'], by_workers={
                kind: statistics.median(run['decoded'][kind]
                                        for run in found[name])
                for kind in counted['decoded']})
    result['checkpoint_bytes'] = checkpoint.stat().st_size
    return result
