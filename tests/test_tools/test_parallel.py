"""A tool that works in several processes ends, whatever one of them does."""

import subprocess
import sys

import pytest
from conftest import ROOT

# What the work does with task 20 of 64, and how the tool ends.
WORK = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from _parallel import map_parallel

def work(task):
    if task == 20:
        {}
    return task ** 2

if __name__ == '__main__':
    print(map_parallel(work, range(64), 2))
"""


def run(tmp_path, end):
    path = tmp_path / 'work.py'
    path.write_text(WORK.format(end))
    return subprocess.run(
        [sys.executable, str(path), str(ROOT / 'tools')], text=True,
        capture_output=True, timeout=600, check=False)


def test_results_come_in_order(tmp_path):
    done = run(tmp_path, 'time.sleep(0.3)')
    assert done.stdout == f'{[i * i for i in range(64)]}\n'
    assert '64/64' in done.stderr


def test_no_task_is_no_process(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools'))
    from _parallel import map_parallel
    assert map_parallel(len, [], 2) == []


def test_an_error_of_the_work_is_raised(tmp_path):
    done = run(tmp_path, 'raise ValueError("mask 20")')
    assert done.returncode == 1
    assert done.stderr.endswith('ValueError: mask 20\n')


@pytest.mark.parametrize('name', ['SIGKILL', 'SIGTERM'])
def test_a_killed_process_is_told(tmp_path, name):
    done = run(tmp_path, f'os.kill(os.getpid(), signal.{name})')
    assert done.returncode == 1
    assert 'one of 2 processes was killed after ' in done.stderr
