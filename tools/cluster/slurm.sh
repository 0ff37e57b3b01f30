#!/usr/bin/env bash
# SLURM: sbatch tools/cluster/slurm.sh [options of tools/train.py]
# From the folder of the repository, which all nodes see, as the work dir.
#SBATCH --job-name=voc_1_8
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gres=gpu:8
#SBATCH --cpus-per-task=40
#SBATCH --time=4:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
set -uo pipefail
trap : TERM  # srun gets it, too; wait for its end

host=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export NNODES=$SLURM_JOB_NUM_NODES
export RDZV_ENDPOINT=$host:$((20000 + SLURM_JOB_ID % 10000))
export TORCH_ELASTIC_SHUTDOWN_TIMEOUT=100  # of the 120 seconds above

srun --kill-on-bad-exit=1 --cpus-per-task="$SLURM_CPUS_PER_TASK" \
    tools/dist_train.sh configs/pseudoseg/voc_1_8.py 8 "$@"
code=$?

# 143: stopped with a checkpoint, by the time limit or for another job. A job
# that was cancelled, or is in the queue again already, does not run any more.
state=$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T)
if [ "$code" = 143 ] && [ "$state" = RUNNING ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
