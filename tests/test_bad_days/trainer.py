"""Run ``tools/train.py`` in processes that share the time of one import.

``multiprocessing``'s fork server imports the package once. Its children are
processes of their own: their parent is not the test, and they may be killed.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Callable, Dict, List, Optional

import torch
from conftest import (
    ROOT,
    free_port,
    leave_configs_unformatted,
    read_checkpoint,
    tiny_run,
)
from mmengine.config import Config

GLOO = ['--launcher', 'pytorch', '--cfg-options',
        'env_cfg.dist_cfg.backend=gloo']


def write_config(root: Path, path: Path, hook: str = '',
                 **checkpoint: int) -> Path:
    """A run of 6 tiny iterations with two workers and the shipped hooks.

    Args:
        root (Path): The toy VOC.
        path (Path): The file to write; its stem names the work dir.
        hook (str): Source of a module that makes the day a bad one.
        **checkpoint: Options of the CheckpointHook.

    Returns:
        Path: ``path``.
    """
    shipped = Config.fromfile(ROOT / 'configs/_base_/default_runtime.py')
    cfg = tiny_run(root, path.parent / path.stem, num_workers=2)
    imports = ['mmseg_pseudoseg']
    if hook:
        name = f'bad_day_{path.stem}'
        (path.parent / f'{name}.py').write_text(hook)
        imports.append(name)
    cfg.update(
        custom_imports=dict(imports=imports, allow_failed_imports=False),
        custom_hooks=shipped.custom_hooks, env_cfg=shipped.env_cfg)
    cfg['train_dataloader']['persistent_workers'] = True
    cfg['default_hooks']['checkpoint'].update(
        dict(interval=2, max_keep_ckpts=2), **checkpoint)
    if hook:
        shipped.custom_hooks.append(dict(type='BadDay'))
    Config(cfg).dump(path)
    return path


def _train(argv: List[str], env: Dict[str, str], log: Path) -> None:
    """What a child does."""
    os.setsid()  # a group of its own, to be signalled as a whole
    with open(log, 'a') as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(env, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='')
    torch.set_num_threads(1)
    # A distributed run waits so long for each worker of its loader at the end.
    torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL = 0.2
    # Lays out the config for readers, two thirds of a short run's time.
    leave_configs_unformatted()
    sys.argv = argv
    sys.path[:0] = [str(ROOT / 'tools'), str(Path(argv[1]).parent)]
    runpy.run_path(str(ROOT / 'tools' / 'train.py'), run_name='__main__')


def start(config: Path, log: Path, *args: str,
          env: Optional[Dict[str, str]] = None) -> ForkServerProcess:
    """Start ``tools/train.py CONFIG ARGS``; its output goes to ``log``."""
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['pytest', 'mmseg_pseudoseg'])
    process = context.Process(
        target=_train, args=(['train.py', str(config), *args], env or {}, log))
    process.start()
    return process


def finish(process: ForkServerProcess, log: Path, code: int = 0) -> str:
    """Wait for the end, which is to be ``code``; returns the output."""
    process.join(600)
    text = log.read_text()
    if process.exitcode is None:
        process.kill()
    assert process.exitcode == code, (process.exitcode, text[-4000:])
    return text


def train(config: Path, *args: str, code: int = 0) -> str:
    """Run ``tools/train.py CONFIG ARGS`` to its end."""
    log = config.with_suffix('.log')
    log.unlink(missing_ok=True)
    return finish(start(config, log, *args), log, code)


def start_two(config: Path, *args: str,
              env: Optional[Dict[str, str]] = None) -> List[ForkServerProcess]:
    """Start two ranks; rank R writes ``STEM_R.log`` beside the config."""
    env = dict(env or {}, MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port(),
               WORLD_SIZE='2', LOCAL_RANK='0')
    return [start(config, log_of(config, rank), *args, *GLOO,
                  env=dict(env, RANK=str(rank))) for rank in (0, 1)]


def log_of(config: Path, rank: int) -> Path:
    """Where a rank's output is."""
    return config.with_name(f'{config.stem}_{rank}.log')


def finish_two(config: Path, processes: List[ForkServerProcess],
               code: int = 0) -> List[str]:
    """Wait for both to end with ``code``; returns their output."""
    return [finish(process, log_of(config, rank), code)
            for rank, process in enumerate(processes)]


def launch(config: Path, *args: str, **env: str) -> subprocess.Popen:
    """Start ``tools/dist_train.sh CONFIG 2 ARGS``; see :func:`end_of`."""
    path = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'
    return subprocess.Popen(
        [ROOT / 'tools' / 'dist_train.sh', config, '2', *args, *GLOO[2:]],
        env={**os.environ, 'PATH': path, 'PYTHON': '', 'OMP_NUM_THREADS': '1',
             'PYTHONPATH': str(config.parent), 'CUDA_VISIBLE_DEVICES': '',
             **env},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def end_of(launcher: subprocess.Popen, code: int = 0) -> str:
    """Wait for a launcher to end with ``code``; returns the output."""
    text = launcher.communicate(timeout=300)[0]
    assert launcher.returncode == code, (launcher.returncode, text[-6000:])
    return text


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + 300
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


def assert_same_training(one: Path, other: Path) -> None:
    """Two checkpoints hold the same weights and momenta, bit for bit."""
    one, other = (read_checkpoint(path) for path in (one, other))
    assert one['meta']['iter'] == other['meta']['iter']
    assert one['state_dict'].keys() == other['state_dict'].keys()
    for name, value in one['state_dict'].items():
        assert torch.equal(value, other['state_dict'][name]), name
    states = other['optimizer']['state']
    assert states.keys() == one['optimizer']['state'].keys()
    for name, state in one['optimizer']['state'].items():
        assert torch.equal(state['momentum_buffer'],
                           states[name]['momentum_buffer']), name
