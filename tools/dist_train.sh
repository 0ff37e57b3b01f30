#!/usr/bin/env bash
# Train with one process for each GPU of this machine.
set -euo pipefail

if [ $# -lt 2 ]; then
    cat >&2 <<END
usage: $0 CONFIG GPUS [options of tools/train.py]

GPUS is the number of processes on this machine. When one is lost, all of them
start again from the last checkpoint. The same command continues a run that is
in the work dir, if it has the same config. Environment (defaults):
  MAX_RESTARTS (3)      how often to start again; 0: neither of both
  NNODES (1)            number of machines; the same command on each of them
  RDZV_ENDPOINT ()      HOST:PORT, where several machines meet: HOST is one of
                        them, PORT any free one there
  PYTHON (python)       the interpreter
MASTER_ADDR and PORT in place of RDZV_ENDPOINT do as well. NODE_RANK is not
needed, but 0 makes a machine HOST that does not know itself by that name.
On CPUs add: --cfg-options env_cfg.dist_cfg.backend=gloo
END
    exit 2
fi

config=$1
gpus=$2
shift 2
tools=$(dirname "$0")

exec "${PYTHON:-python}" "$tools/launch.py" "$gpus" \
    "$tools/train.py" "$config" --launcher pytorch "$@"
