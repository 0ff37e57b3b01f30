#!/usr/bin/env bash
# Test with one process for each GPU of this machine.
set -euo pipefail

if [ $# -lt 3 ]; then
    cat >&2 <<END
usage: $0 CONFIG CHECKPOINT GPUS [options of tools/test.py]

GPUS is the number of processes on this machine. Environment (defaults):
  NNODES (1), NODE_RANK (0)     number of machines, and which one this is
  MASTER_ADDR (127.0.0.1)       address of machine 0
  PORT (29500)                  port there; each run needs one of its own
  PYTHON (python)               the interpreter
On CPUs add: --cfg-options env_cfg.dist_cfg.backend=gloo
END
    exit 2
fi

config=$1
checkpoint=$2
gpus=$3
shift 3

exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes "${NNODES:-1}" \
    --node-rank "${NODE_RANK:-0}" \
    --master-addr "${MASTER_ADDR:-127.0.0.1}" \
    --master-port "${PORT:-29500}" \
    --nproc-per-node "$gpus" \
    "$(dirname "$0")/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
