"""gpu_report.py without a GPU: what it writes, and where it stops."""

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import conftest
import pytest
import torch
from benching import tools_path  # noqa: F401  (a fixture)
from tiny import ROOT

JUNIT = '''<testsuites><testsuite>
<testcase name="test_fast" time="1.5"/>
<testcase name="test_wrong" time="0.5"><failure message="1 != 2"/></testcase>
<testcase name="test_two" time="0"><skipped message="needs two GPUs"/>
</testcase>
</testsuite></testsuites>'''


@pytest.fixture()
def module(tools_path, monkeypatch, tmp_path):  # noqa: F811
    """The tool on a machine that says it has a GPU."""
    found = importlib.import_module('gpu_report')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda: (9, 0))
    monkeypatch.setattr(found, 'facts', lambda _: dict(
        device='H200', torch='2.13', commit='abc'))
    monkeypatch.setattr(sys, 'argv', [
        'gpu_report', '--json', str(tmp_path / 'gpu.json')])
    return found


def run(module, tmp_path):
    """What the tool wrote and how it ended."""
    with pytest.raises(SystemExit) as end:
        module.main()
    return json.loads((tmp_path / 'gpu.json').read_text()), end.value.code


def act(monkeypatch, module, junit, fails=''):
    """Stand-ins for pytest and the benchmark; returns their commands."""
    calls = []

    def call(command, seconds):
        calls.append(command)
        if 'pytest' in command:
            if junit:
                Path(command[-1].split('=')[1]).write_text(junit)
            return None if junit else 'stopped after 9 s'
        if fails and fails in command:
            return 'exit code 1: out of memory'
        Path(command[-1]).write_text(json.dumps(dict(
            dict.fromkeys(module.FIGURES, 0), batch=[2, 4],
            median_seconds=dict(PseudoSeg=.5, supervised=.25), seconds=[1])))
        return None

    monkeypatch.setattr(module, 'call', call)
    return calls


def test_the_report(module, monkeypatch, tmp_path):
    passed = JUNIT.replace('<failure message="1 != 2"/>', '')
    calls = act(monkeypatch, module, passed)
    found, code = run(module, tmp_path)
    assert not code
    assert found['machine']['device'] == 'H200'
    assert found['machine'].keys() >= {'torch', 'commit', 'capability', 'gpus'}
    files = sorted(path.name for path in module.TESTS.glob('test_*.py'))
    assert [one['name'] for one in found['tests']] == [
        f'{file}::{test}' for file in files
        for test in ('test_fast', 'test_wrong', 'test_two')]
    assert found['tests'][2] == dict(
        name=f'{files[0]}::test_two', outcome='skipped', seconds=0,
        message='needs two GPUs')
    assert found['rows'].keys() == module.ROWS.keys()
    row = found['rows']['ResNet-50, --amp']
    assert row['images_per_second'] == dict(PseudoSeg=12, supervised=8)
    assert row['outcome'] == 'passed' and 'seconds' not in row
    benches = [call[2:5] for call in calls if 'pytest' not in call]
    assert ['configs/pseudoseg/voc_1_8.py', '--amp', '--device'] in benches
    assert all('cuda' in call for call in calls)


def test_failures_are_in_it_and_in_the_exit_code(module, monkeypatch,
                                                 tmp_path):
    act(monkeypatch, module, JUNIT, fails='--compile')
    found, code = run(module, tmp_path)
    assert found['tests'][1]['message'] == '1 != 2'
    assert 'test_wrong: failed (1 != 2)' in code
    assert '--compile: failed (exit code 1: out of memory)' in code
    assert found['rows']['ResNet-50, float32']['outcome'] == 'passed'


def test_a_file_without_an_end(module, monkeypatch, tmp_path):
    act(monkeypatch, module, '')
    found, code = run(module, tmp_path)
    assert {one['message'] for one in found['tests']} == {'stopped after 9 s'}
    assert 'failed (stopped after 9 s)' in code


def test_what_has_no_time_left_is_named(module, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, 'argv', [*sys.argv, '--minutes', '0.1'])
    calls = act(monkeypatch, module, JUNIT)
    found, code = run(module, tmp_path)
    assert not calls
    assert {one['outcome'] for one in found['rows'].values()} == {'not run'}
    assert 'ResNet-50, --amp: not run (no time was left)' in code


def test_no_gpu(module, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(SystemExit, match='finds no GPU here'):
        module.main()
    assert not (tmp_path / 'gpu.json').exists()


def test_commands_end_with_all_that_they_started(module):
    hang = [sys.executable, '-c', 'import subprocess, time; '
            'subprocess.Popen(["sleep", "60"]); time.sleep(60)']
    assert module.call(hang, 1) == 'stopped after 1 s'
    assert module.call([sys.executable, '-c', 'raise SystemExit("no")'],
                       60) == 'exit code 1: no'
    assert module.call([sys.executable, '-c', ''], 60) is None


def test_rows_are_steps_that_the_benchmark_knows(module, monkeypatch):
    bench = importlib.import_module('benchmark_step')
    for arguments in module.ROWS.values():
        assert (ROOT / arguments[0]).is_file()
        monkeypatch.setattr(sys, 'argv', [
            'benchmark_step', *arguments, '--device', 'cuda'])
        assert bench.parse_args().device == 'cuda'


@pytest.mark.parametrize('gpu', [True, False])
def test_the_marker(monkeypatch, gpu):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
    marked, plain = [], []
    conftest.pytest_collection_modifyitems([
        SimpleNamespace(get_closest_marker=lambda name: name == 'cuda',
                        add_marker=marked.append),
        SimpleNamespace(get_closest_marker=lambda name: None,
                        add_marker=plain.append)])
    assert not plain and len(marked) == (not gpu)
    if marked:
        assert 'make test-gpu' in marked[0].mark.kwargs['reason']


def test_all_of_its_tests_are_marked():
    files = list((ROOT / 'tests/test_cuda').glob('test_*.py'))
    assert len(files) >= 4
    for file in files:
        assert 'pytest.mark.cuda' in file.read_text(), file
