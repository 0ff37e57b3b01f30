#!/usr/bin/env bash
# Test with one process for each GPU of this machine.
set -euo pipefail

if [ $# -lt 3 ]; then
    cat >&2 <<END
usage: $0 CONFIG CHECKPOINT GPUS [options of tools/test.py]

GPUS is the number of processes on this machine. Environment (defaults):
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
checkpoint=$2
gpus=$3
shift 3
tools=$(dirname "$0")

MAX_RESTARTS=0 exec "${PYTHON:-python}" "$tools/launch.py" "$gpus" \
    "$tools/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
