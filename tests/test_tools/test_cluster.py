"""The recipes of tools/cluster, run up to the interpreter."""

import os
import subprocess
from pathlib import Path
from typing import Dict

import pytest
import yaml
from tiny import ROOT, TOOLS

CLUSTER = TOOLS / 'cluster'
CONFIG = 'configs/pseudoseg/voc_1_8.py'
WORK_DIR = ['--work-dir', '/shared/work_dirs/voc_1_8']
# What the launcher is told, on the second of two machines.
TOLD = ('NNODES', 'RDZV_ENDPOINT', 'NODE_RANK')
SLURM = dict(SLURM_JOB_ID='123456', SLURM_JOB_NODELIST='n[1-2]',
             SLURM_JOB_NUM_NODES='2', SLURM_CPUS_PER_TASK='40')


def write_program(folder: Path, name: str, text: str) -> Path:
    """Write a shell script that stands for a program."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f'#!/bin/bash\n{text}\n')
    path.chmod(0o755)
    return path


@pytest.fixture()
def run(tmp_path):
    """``run(words, env)``: code, lines of the programs; ``python`` writes
    the environment and arguments that it gets.
    """
    log = tmp_path / 'log'
    told = ' '.join(f'{name}=${{{name}:-}}' for name in TOLD)
    python = write_program(tmp_path / 'bin', 'python',
                           f'echo {told} "$@" >> {log}; exit ${{CODE:-0}}')

    def call(words: list, env: Dict[str, str]):
        log.unlink(missing_ok=True)
        path = f'{tmp_path / "bin"}{os.pathsep}{os.environ["PATH"]}'
        done = subprocess.run(
            words, cwd=ROOT, text=True, stderr=subprocess.PIPE,
            env={'PATH': path, 'PYTHON': str(python), 'LOG': str(log), **env})
        assert not done.stderr, done.stderr
        text = log.read_text().replace(f'{ROOT}/', '')
        return done.returncode, text.splitlines()

    return call


def launched(gpus: int, endpoint: str, rank: str, *options: str) -> str:
    """What the interpreter is asked for."""
    return ' '.join([
        'NNODES=2', f'RDZV_ENDPOINT={endpoint}', f'NODE_RANK={rank}',
        'tools/launch.py', str(gpus), 'tools/train.py', CONFIG, '--launcher',
        'pytorch', *options])


def test_nothing_else_is_there():
    assert {path.name for path in CLUSTER.iterdir()} == {
        'slurm.sh', 'trainjob.yaml', 'skypilot.yaml'}


@pytest.fixture()
def slurm(tmp_path, run):
    """``slurm(code, state)``: run the batch script on a cluster of paper."""
    programs = {
        'scontrol': 'if [ "$1 $2" = "show hostnames" ]; then printf "n1\\nn2'
                    '\\n"; else echo "scontrol $@" >> $LOG; fi',
        'squeue': 'echo "$STATE"',
        'srun': 'echo "srun $1 $2" >> $LOG; shift 2; "$@"',
    }
    for name, text in programs.items():
        write_program(tmp_path / 'bin', name, text)
    return lambda code, state: run(
        [str(CLUSTER / 'slurm.sh'), '--amp'],
        dict(SLURM, CODE=str(code), STATE=state))


def test_slurm_starts_a_launcher_on_each_node(slurm):
    subprocess.run(['bash', '-n', CLUSTER / 'slurm.sh'], check=True)
    code, lines = slurm(0, 'RUNNING')
    assert code == 0 and lines == [
        'srun --kill-on-bad-exit=1 --cpus-per-task=40',
        launched(8, 'n1:23456', '', '--amp')]
    options = dict(
        line.removeprefix('#SBATCH --').partition('=')[::2]
        for line in (CLUSTER / 'slurm.sh').read_text().splitlines()
        if line.startswith('#SBATCH'))
    assert options['ntasks-per-node'] == '1' and 'requeue' in options
    assert options['signal'] == 'TERM@120'  # not B:, to the steps
    assert options['open-mode'] == 'append'


@pytest.mark.parametrize('code, state, requeued', [
    (143, 'RUNNING', True), (143, 'COMPLETING', False),
    (143, 'PENDING', False), (1, 'RUNNING', False), (0, 'RUNNING', False)])
def test_slurm_queues_again_what_was_stopped(slurm, code, state, requeued):
    ended, lines = slurm(code, state)
    assert ended == code
    assert lines[2:] == ['scontrol requeue 123456'] * requeued


def test_kubernetes(run):
    job = yaml.safe_load((CLUSTER / 'trainjob.yaml').read_text())
    assert job['apiVersion'] == 'trainer.kubeflow.org/v1alpha1'
    assert job['kind'] == 'TrainJob' and set(job) == {
        'apiVersion', 'kind', 'metadata', 'spec'}
    spec = job['spec']
    assert set(spec) == {'runtimeRef', 'trainer', 'runtimePatches'}
    assert spec['runtimeRef']['name'] == 'torch-distributed'
    trainer = spec['trainer']
    assert set(trainer) == {'image', 'numNodes', 'numProcPerNode',
                            'resourcesPerNode', 'command', 'args'}
    gpus = trainer['resourcesPerNode']['limits']['nvidia.com/gpu']
    assert trainer['numProcPerNode'] == gpus == 8
    patch, = spec['runtimePatches']
    node, = patch['trainingRuntimeSpec']['template']['spec'][
        'replicatedJobs']
    pod = node['template']['spec']['template']['spec']
    container, = pod['containers']
    assert node['name'] == container['name'] == 'node'
    mounts = {mount['mountPath']: mount['name']
              for mount in container['volumeMounts']}
    assert {volume['name'] for volume in pod['volumes']} == set(
        mounts.values())
    assert mounts['/shared'] == 'shared' and mounts['/dev/shm'] == 'shm'

    text, = trainer['args']
    assert text.startswith('cd /workspace && ')
    code, lines = run(
        [*trainer['command'], text.removeprefix('cd /workspace && ')],
        dict(PET_NNODES='2', PET_NODE_RANK='1', PET_NPROC_PER_NODE='8',
             PET_MASTER_ADDR='voc-1-8-node-0-0.voc-1-8',
             PET_MASTER_PORT='29500'))
    assert code == 0 and lines == [launched(
        8, 'voc-1-8-node-0-0.voc-1-8:29500', '1', *WORK_DIR)]


def test_skypilot(run):
    job = yaml.safe_load((CLUSTER / 'skypilot.yaml').read_text())
    assert set(job) == {'name', 'num_nodes', 'workdir', 'resources',
                        'volumes', 'setup', 'run'}
    assert job['resources']['job_recovery'] == dict(
        max_restarts_on_errors=3, recover_on_exit_codes=[143])
    assert list(job['volumes']) == ['/shared']
    # ``make setup`` makes .venv/bin/python, which stands elsewhere here.
    text = job['run'].replace('PYTHON=.venv/bin/python ', '')
    assert text != job['run'] and job['setup'].startswith('make setup\n')
    code, lines = run(
        ['bash', '-c', text],
        dict(SKYPILOT_NUM_NODES='2', SKYPILOT_NODE_RANK='1',
             SKYPILOT_NODE_IPS='10.0.0.1\n10.0.0.2',
             SKYPILOT_NUM_GPUS_PER_NODE='8'))
    assert code == 0 and lines == [launched(
        8, '10.0.0.1:29400', '1', *WORK_DIR)]
