"""What the benchmarks share: configs, clocks, tables, machine facts."""

import argparse
import json
import os.path as osp
import platform
import resource
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict, Sequence, Tuple

import mmcv
import mmengine
import mmseg
import torch
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from prettytable import MARKDOWN, PrettyTable

from mmseg_pseudoseg.engine.sentences import ending_in_a_sentence

ROOT = Path(__file__).resolve().parents[1]
PARTS = ('labeled', 'unlabeled')


def load_config(path: str, options: Any = None) -> Config:
    """A semi-supervised config, with its registry scope in force.

    Args:
        path (str): Of the config.
        options (dict, optional): Of ``--cfg-options``.

    Raises:
        SystemExit: If there is no such file.
    """
    if not Path(path).is_file():
        raise SystemExit(f'error: {path}: no such config')
    with ending_in_a_sentence():
        cfg = Config.fromfile(path)
    if options:
        cfg.merge_from_dict(options)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    return cfg


def counts(cfg: Config, path: str) -> Tuple[int, int]:
    """Labelled and unlabelled images of a GPU's batch.

    Args:
        cfg (Config): With ``train_dataloader``.
        path (str): Its path, for the message.

    Raises:
        SystemExit: If the config does not say, or the ratio does not fit.
    """
    loader = cfg.train_dataloader
    ratio = loader.get('batch_sampler', {}).get('source_ratio', {})
    if set(ratio) != set(PARTS) or set(PARTS) - set(loader.dataset):
        raise SystemExit(
            f'error: {path}: train_dataloader needs batch_sampler.'
            'source_ratio=dict(labeled=..., unlabeled=...) and a dataset with '
            'these parts; give a semi-supervised config')
    shares = sum(ratio.values())
    if loader.batch_size % shares:
        raise SystemExit(
            f'error: {path}: train_dataloader.batch_size={loader.batch_size} '
            f'is no multiple of {shares}, the sum of batch_sampler.'
            'source_ratio; change one of them')
    labeled, unlabeled = (
        ratio[part] * loader.batch_size // shares for part in PARTS)
    return labeled, unlabeled


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The config and the options that all benchmarks have."""
    parser.add_argument('config', help='a semi-supervised config')
    parser.add_argument('--json', type=Path, metavar='OUT', dest='out',
                        help='write the numbers and the machine facts here')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        metavar='KEY=VALUE', help='override keys')


def cpu_name() -> str:
    """The processor's model."""
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(':', 1)[1].strip() for line in lines
             if line.startswith('model name')]
    return names[0] if names else platform.processor() or platform.machine()


def commit() -> str:
    """The commit of this repository, with ``-dirty`` if files differ."""
    try:
        return subprocess.run(
            ['git', 'describe', '--always', '--abbrev=12', '--dirty',
             '--exclude=*'], cwd=ROOT, text=True, capture_output=True,
            check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'


def facts(device: str = 'cpu') -> Dict[str, Any]:
    """What a number means nothing without."""
    name = cpu_name()
    return dict(
        cpu=name,
        threads=torch.get_num_threads(),
        device=torch.cuda.get_device_name() if device == 'cuda' else name,
        torch=torch.__version__,
        cuda=torch.version.cuda if device == 'cuda' else None,
        mmseg=mmseg.__version__,
        mmengine=mmengine.__version__,
        mmcv=mmcv.__version__,
        python=platform.python_version(),
        commit=commit(),
        command=' '.join(sys.argv))


def count_syncs(step: Callable[[], object]) -> Dict[str, int]:
    """Where a step makes the host wait for the GPU, and how often.

    Args:
        step (Callable): One that has run before.

    Returns:
        dict[str, int]: Python file and line -> number.
    """
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode('warn')
    try:
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter('always')
            step()
    finally:
        torch.cuda.set_sync_debug_mode('default')
    return dict(Counter(
        osp.join(*w.filename.split(osp.sep)[-2:]) + f':{w.lineno}'
        for w in found if 'synchronizing CUDA operation' in str(w.message)))


def peak_memory(device: str, before: int = 0) -> Tuple[int, str]:
    """Bytes that were in use at the worst moment, and what was counted."""
    if device == 'cuda':
        return (torch.cuda.max_memory_allocated() - before,
                'torch.cuda.max_memory_allocated, this network alone')
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            'peak resident set of the process: Python, libraries and batch '
            'included')


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table, its first column to the left."""
    table = PrettyTable(list(head))
    table.set_style(MARKDOWN)
    table.align = 'r'
    table.align[head[0]] = 'l'
    table.add_rows([list(row) for row in rows])
    print(f'\n{table}')


def write_json(path: Path, result: Dict[str, Any]) -> None:
    """Write the numbers, and say where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + '\n')
    print(f'\nwrote {path}')
