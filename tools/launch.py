"""torchrun for dist_train.sh and dist_test.sh, as the environment says.

In place of ``python -m torch.distributed.run`` because that answers every
signal with a traceback and exit code 1: a queue could not tell a run that was
stopped, and goes on from its checkpoint, from one that failed. Here it is
128 + the number of the signal, 143 for SIGTERM.
"""

import os
import signal
import sys
import uuid
from pathlib import Path
from typing import List, Mapping, NoReturn

from torch.distributed import run
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

STOPPED = 143  # of PreemptionHook
USAGE = f'usage: {sys.argv[0]} GPUS SCRIPT CONFIG [options of the script]'


def rendezvous(env: Mapping[str, str], config: str) -> List[str]:
    """Where the machines of a run meet.

    Args:
        env (Mapping[str, str]): The environment; its empty variables are as
            good as none.
        config (str): Path of the config; its name tells the run from others
            that meet at the same place, unless ``RDZV_ID`` does.

    Returns:
        list[str]: Options of torchrun.

    Raises:
        SystemExit: If the machines cannot know the place, or if their number
            is not fixed.
    """
    nodes, port = env.get('NNODES') or '1', env.get('PORT')
    if not nodes.isdigit() or nodes == '0':
        _refuse(f'NNODES={nodes} is not a number of machines: it cannot '
                'change during a run, since the batch and the order of the '
                'data depend on it')
    options = ['--nnodes', nodes, '--rdzv-backend', 'c10d']
    if nodes == '1' and not env.get('RDZV_ENDPOINT'):
        # A free port, so that runs side by side do not collide; this machine
        # by its loopback, which no name server has to know.
        return [*options, '--rdzv-endpoint', f'localhost:{port or 0}',
                '--rdzv-id', uuid.uuid4().hex, '--local-addr', '127.0.0.1']
    endpoint, rank = env.get('RDZV_ENDPOINT'), env.get('NODE_RANK')
    if not endpoint and env.get('MASTER_ADDR'):
        endpoint = f'{env["MASTER_ADDR"]}:{port or 29500}'
    if not endpoint:
        _refuse(f'NNODES={nodes}: name the place where the machines meet, the '
                'same on each of them: RDZV_ENDPOINT=HOST:PORT, with one of '
                'them as HOST and a free port of it')
    if rank:  # who HOST is; else torchrun compares names and addresses
        options += ['--rdzv-conf', f'is_host={rank == "0"}']
    return [*options, '--rdzv-endpoint', endpoint,
            '--rdzv-id', env.get('RDZV_ID') or Path(config).stem]


class Mistake(Exception):
    """A process has told a mistake that a restart would repeat."""


def _give_up(*_: object) -> None:
    """Handle its signal, once."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    raise Mistake


def _refuse(message: str) -> NoReturn:
    """Say what is wrong with the call."""
    print(message, file=sys.stderr)
    sys.exit(2)


def main() -> None:
    """Run the script in GPUS processes on this machine.

    Raises:
        SystemExit: With the number of the signal that ended it, or with the
            code of the processes, if they were stopped.
    """
    if len(sys.argv) < 4:
        _refuse(USAGE)
    gpus, script, config = sys.argv[1:4]
    restarts = os.environ.get('MAX_RESTARTS') or '3'
    # Else a restart finds the addresses of the processes before it: pytorch
    # #135712, #167288.
    os.environ.setdefault('TORCH_DISABLE_SHARE_RDZV_TCP_STORE', '1')
    os.environ['MMSEG_PSEUDOSEG_LAUNCHER'] = str(os.getpid())
    signal.signal(signal.SIGUSR1, _give_up)
    try:
        run.main([*rendezvous(os.environ, config), '--max-restarts', restarts,
                  '--nproc-per-node', gpus, script, *sys.argv[3:]])
    except Mistake:
        sys.exit(1)
    except SignalException as stop:
        sys.exit(128 + stop.sigval)
    except ChildFailedError as error:
        print(error, file=sys.stderr)
        _, failure = error.get_first_failure()
        # -15: one that the launcher stopped before it got that far.
        sys.exit(STOPPED if failure.exitcode in (STOPPED, -15) else 1)


if __name__ == '__main__':
    main()
