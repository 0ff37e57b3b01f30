#!/usr/bin/env bash
# Test on a SLURM cluster, one task for each GPU.
set -euo pipefail

if [ $# -lt 4 ]; then
    cat >&2 <<END
usage: $0 PARTITION JOB_NAME CONFIG CHECKPOINT [options of tools/test.py]

Environment (defaults):
  GPUS (4)                      GPUs, of all nodes
  GPUS_PER_NODE (at most 8)     GPUs of one node
  CPUS_PER_TASK (5)             CPU cores for each GPU
  SRUN_ARGS ()                  more options of srun, separated by blanks
  PYTHON (python)               the interpreter, on the nodes
END
    exit 2
fi

partition=$1
job_name=$2
config=$3
checkpoint=$4
shift 4
gpus=${GPUS:-4}
gpus_per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}

# SRUN_ARGS is split into words on purpose.
# shellcheck disable=SC2086
exec srun \
    --partition "$partition" \
    --job-name "$job_name" \
    --gres "gpu:$gpus_per_node" \
    --ntasks "$gpus" \
    --ntasks-per-node "$gpus_per_node" \
    --cpus-per-task "${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$(dirname "$0")/test.py" "$config" "$checkpoint" --launcher slurm "$@"
