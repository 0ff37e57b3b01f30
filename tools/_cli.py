"""What ``train.py`` and ``test.py`` share; importing it finds the package."""

import _gc_paused  # noqa: F401  isort: skip
import argparse
import gc
import os
import os.path as osp
import sys
import tempfile
from datetime import timedelta

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import MODEL_WRAPPERS
from torch.nn.parallel import DistributedDataParallel

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))

import mmseg_pseudoseg  # noqa: E402,F401  (registers, allow-lists checkpoints)
from mmseg_pseudoseg.visualization import fill_palettes  # noqa: E402

# What is imported stays, and the garbage collector need not walk over it: for
# every data set MMEngine has it walk over everything else.
gc.freeze()
gc.enable()


def add_common_arguments(parser: argparse.ArgumentParser,
                         below: str = '') -> None:
    """Add the config and the options of every tool that runs one.

    Args:
        parser (argparse.ArgumentParser): Of the tool.
        below (str): Folder of the default work dir that is the tool's own.
            Every Runner writes its config: with training's work dir, another
            tool would replace the config as it was trained.
    """
    parser.set_defaults(below=below)
    parser.add_argument('config', help='path of the config')
    parser.add_argument(
        '--work-dir', metavar='DIR',
        help='where logs, checkpoints and metrics go; default: '
        f'{below and f"{below} in "}work_dir of the config, else in '
        'work_dirs/NAME_OF_THE_CONFIG')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE',
        help='override keys of the config, such as train_cfg.max_iters=100; '
        'a list is key="[a,b]" or key=a,b, without blanks')
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none', help='how the processes were started')
    # torch.distributed.launch passes it; torchrun sets the variable alone.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help=argparse.SUPPRESS)


def load_config(args: argparse.Namespace) -> Config:
    """The config with the changes that :func:`add_common_arguments` offers.

    Args:
        args (argparse.Namespace): The parsed command line.

    Returns:
        Config: With ``launcher`` and ``work_dir``, which is there.

    Raises:
        SystemExit: If nothing can be written to it.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = Config.fromfile(args.config)
    cfg.launcher = args.launcher
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    fill_palettes(cfg)
    name = osp.splitext(osp.basename(args.config))[0]
    default = cfg.get('work_dir') or osp.join('work_dirs', name)
    if args.below:
        default = osp.join(default, args.below)
    cfg.work_dir = args.work_dir or default
    check_work_dir(cfg.work_dir)
    choose_wrapper(cfg)
    if cfg.launcher == 'pytorch' and not torch.cuda.is_available():
        join_processes_on_cpu(cfg)
    return cfg


def choose_wrapper(cfg: Config) -> None:
    """Name the wrapper that joins several processes.

    Args:
        cfg (Config): A stock one names none and gets ours. A key
            ``find_unused_parameters`` goes into ``model_wrapper_cfg``:
            MMEngine reads it only where that is missing.
    """
    wrapper = dict(type='FrozenFirstDistributedDataParallel')
    if 'find_unused_parameters' in cfg:
        wrapper.update(find_unused_parameters=cfg.find_unused_parameters)
    wrapper.update(cfg.get('model_wrapper_cfg') or {})
    cfg.model_wrapper_cfg = wrapper


def check_work_dir(work_dir: str) -> None:
    """Write to the work dir before hours of work depend on it.

    Args:
        work_dir (str): Made if it is not there.

    Raises:
        SystemExit: Naming it, and what to change.
    """
    try:
        os.makedirs(work_dir, exist_ok=True)
        with tempfile.TemporaryFile(dir=work_dir) as file:
            file.write(b'x')
    except OSError as error:
        raise SystemExit(
            f'work_dir={work_dir}: nothing can be written there '
            f'({error.strerror}); name another with --work-dir, or change the '
            'key work_dir of the config') from error


def join_processes_on_cpu(cfg: Config) -> None:
    """Start distributed training where there is no GPU.

    MMEngine selects a CUDA device for each process, whatever the backend. A
    process group that exists already goes around that.

    Args:
        cfg (Config): Its wrapper names no device from now on.

    Raises:
        SystemExit: If the backend needs a GPU.
    """
    backend = cfg.env_cfg.dist_cfg.backend
    if backend == 'nccl':
        raise SystemExit(
            'env_cfg.dist_cfg.backend=nccl needs a GPU and torch finds none; '
            'to run on CPUs add --cfg-options env_cfg.dist_cfg.backend=gloo')
    timeout = cfg.env_cfg.dist_cfg.get('timeout')  # seconds, as in MMEngine
    torch.distributed.init_process_group(
        backend, timeout=None if timeout is None else timedelta(
            seconds=timeout))
    wrapper = cfg.get('model_wrapper_cfg')
    if wrapper and issubclass(MODEL_WRAPPERS.get(wrapper.type),
                              DistributedDataParallel):
        wrapper.device_ids = None
