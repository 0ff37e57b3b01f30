"""Tools that train on a CPU keep the memory that a step frees."""

import os
import subprocess
import sys

import pytest
import torch
from tiny import TOOLS

pytestmark = pytest.mark.skipif(
    torch.cuda.is_available() or not sys.platform.startswith('linux'),
    reason='glibc is told to keep memory where the CPU trains on Linux')

# A script of tools/ up to its main(), which frees 112 MB and takes them again.
STEPS = '''
import resource, runpy, sys
sys.argv, sys.path[:0] = [sys.argv[1], '--help'], [{tools!r}]
import argparse, json, torch

def steps(*args, **kwargs):
    def faults():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        blocks = [torch.ones(2**24 // 4) for _ in range(3)] + [
            torch.ones(2**26 // 4)]
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    print(min(faults() for _ in range(8)))
    raise SystemExit

def job(text, *args, loads=json.loads, **kwargs):
    return steps() if text == '--help' else loads(text, *args, **kwargs)

argparse.ArgumentParser.parse_args, json.loads = steps, job
runpy.run_path(sys.argv[0], run_name='__main__')
'''


def new_pages(script, **environ):
    """Pages that the system hands out for 112 MB which were just freed."""
    end = subprocess.run(
        [sys.executable, '-c', STEPS.format(tools=str(TOOLS)),
         str(TOOLS / script)],
        capture_output=True, text=True, env={**os.environ, **environ})
    assert end.returncode == 0, end.stderr
    return int(end.stdout.split()[-1])


@pytest.mark.parametrize('script', [
    'train.py', 'analysis_tools/benchmark_step.py',
    'analysis_tools/benchmark_run.py', '_bench_pair.py'])
def test_no_new_pages_for_what_was_freed(script):
    assert new_pages(script) < 100


def test_own_settings_stay():
    """glibc's default: 64 MB at least are 16384 new pages of 4 KiB."""
    pages = 2**26 // os.sysconf('SC_PAGE_SIZE')
    assert new_pages('train.py', MALLOC_MMAP_THRESHOLD_='33554432') >= pages
