"""What a training does that its launcher starts again by itself.

torchrun with ``--max-restarts`` starts all processes again when one is lost,
with the same command. How often it did so is no help in telling a restart
from a first start: each machine counts for itself, and one that replaces a
lost one begins at 0. So each start decides from the files alone, and all of
them decide alike.
"""

import os
import os.path as osp
import signal
import sys
import traceback
from typing import Callable, Optional

from mmengine.config import Config
from mmengine.runner import CheckpointLoader

from .config_changes import config_changes

__all__ = ['end_for_good', 'may_restart', 'refuse_another_config',
           'resume_of_launcher']

LAUNCHER = 'MMSEG_PSEUDOSEG_LAUNCHER'  # process id of tools/launch.py
# What another attempt may get over: a GPU, the network, a disk, a worker.
PASSING = (RuntimeError, OSError, MemoryError)
LASTING = (FileNotFoundError, NotADirectoryError, PermissionError)  # of these


def may_restart() -> bool:
    """Whether this process may be started again by torchrun.

    Returns:
        bool: False without torchrun, or with ``--max-restarts 0``.
    """
    return int(os.environ.get('TORCHELASTIC_MAX_RESTARTS', 0)) > 0


def resume_of_launcher(asked: Optional[str], work_dir: str) -> Optional[str]:
    """From where to go on, below a launcher that starts runs again.

    Args:
        asked (str, optional): A checkpoint or 'auto', as ``--resume`` has it.
        work_dir (str): Of the run.

    Returns:
        str | None: 'auto' in place of None, if the run may be restarted and
            there is something to go on from.

    Raises:
        SystemExit: At a restart that would throw away what the run has done
            since the checkpoint that it was told to begin with.
    """
    again = os.environ.get('TORCHELASTIC_RESTART_COUNT', '0') != '0'
    if again and asked not in (None, 'auto'):
        raise SystemExit(
            f'--resume {asked}: a restart does not begin there once more. '
            'Leave the checkpoint out to go on from the last one of the work '
            'dir: --resume')
    begun = osp.exists(osp.join(work_dir, 'last_checkpoint'))
    return asked or ('auto' if may_restart() and begun else None)


def refuse_another_config(checkpoint: str, cfg: Config) -> None:
    """Do not continue unasked what was begun with another config.

    Args:
        checkpoint (str): Path of the last one in the work dir.
        cfg (Config): Of this start.

    Raises:
        SystemExit: Naming the keys that differ, and the ways out.
    """
    meta = CheckpointLoader.load_checkpoint(checkpoint, 'cpu').get('meta', {})
    try:
        changes = config_changes(meta.get('cfg', ''), cfg.pretty_text)
    except ValueError as error:
        changes = [f'its text cannot be read ({error})']
    if changes:
        raise SystemExit(
            f'{checkpoint} is there, from a run with another config:\n  ' +
            '\n  '.join(changes[:20]) + '\nA restart could not tell it from '
            'its own. Take another --work-dir, continue that run with '
            '--resume, or, to write over it, MAX_RESTARTS=0')


def end_for_good(main: Callable[[], object]) -> None:
    """Run a tool; a mistake that each restart would repeat ends the launcher.

    torchrun restarts after any failure: a misspelt key would be told four
    times by each process.

    Args:
        main (Callable): Of the tool.

    Raises:
        SystemExit: After such a mistake, which has been printed.
    """
    try:
        main()
    except SystemExit as end:
        if not isinstance(end.code, str):
            raise
        print(end.code, file=sys.stderr)
    except Exception as error:
        if isinstance(error, PASSING) and not isinstance(error, LASTING):
            raise
        traceback.print_exc()
    else:
        return
    # Not before it is printed: the launcher ends this process, too.
    if os.environ.get(LAUNCHER) == str(os.getppid()):
        os.kill(os.getppid(), signal.SIGUSR1)
    sys.exit(1)
