"""Everything that needs a GPU: its tests, then the benchmark's rows."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Optional
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _cli  # noqa: E402,F401  isort: skip  (finds and registers the package)

import torch  # noqa: E402
from _benchmark import ROOT, facts, write_json  # noqa: E402

TESTS = ROOT / 'tests' / 'test_cuda'
STEP = Path(__file__).with_name('benchmark_step.py')
R50 = 'configs/pseudoseg/voc_1_8.py'
# Row -> arguments of benchmark_step.py; the slowest comes last.
ROWS = {
    'ResNet-50, float32': [R50],
    'ResNet-50, --amp': [R50, '--amp'],
    'ResNet-50, --amp --channels-last': [R50, '--amp', '--channels-last'],
    'MobileNetV2, 145 x 145': ['configs/small/pseudoseg_animals_1_16.py'],
    'Xception-65, 81 classes, --amp': [
        'configs/pseudoseg/coco_1_128_x65.py', '--amp', '--batch', '4', '4'],
    'ResNet-50, --amp --channels-last --compile': [
        R50, '--amp', '--channels-last', '--compile'],
}
FIGURES = ('batch', 'shape', 'optim_wrapper', 'median_seconds', 'ratios',
           'method_share', 'extra_backward_share', 'peak_bytes', 'syncs',
           'parts')
ENOUGH = 15  # seconds in which something can still be started


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--json', type=Path, default=Path('work_dirs/gpu.json'), dest='out',
        metavar='OUT', help='written anew after each test file and row '
        '(default: %(default)s)')
    parser.add_argument(
        '--minutes', type=float, default=7.5, metavar='M',
        help='what is not done by then is stopped or left out; half of it is '
        'for the tests (default: %(default)s)')
    args = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit(
            f'error: torch {torch.__version__} finds no GPU here, so nothing '
            'was tested or timed (make test does what a CPU can)')
    return args


def call(command: List[str], seconds: float) -> Optional[str]:
    """Run a command, and end it with all that it has started.

    Args:
        command (list[str]): Run in the checkout.
        seconds (float): Limit.

    Returns:
        str | None: What went wrong, with the end of the output; None if
        nothing did.
    """
    process = subprocess.Popen(
        command, cwd=ROOT, text=True, errors='replace',
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True)
    try:
        text = process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return f'stopped after {seconds:.0f} s'
    if not process.returncode:
        return None
    tail = '\n'.join(text.splitlines()[-20:])
    return f'exit code {process.returncode}: {tail}'


def run_tests(file: Path, seconds: float) -> List[Dict[str, Any]]:
    """Run a file of tests.

    Args:
        file (Path): With tests marked ``cuda``.
        seconds (float): Limit.

    Returns:
        list[dict]: ``name``, ``outcome`` (``'passed'``, ``'failed'`` or
        ``'skipped'``), ``seconds`` and ``message`` of each test; where pytest
        itself failed, one entry for the file.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, 'junit.xml')
        failure = call([sys.executable, '-m', 'pytest', '-q', '-m', 'cuda',
                        str(file), f'--junitxml={report}'], seconds)
        cases = list(ElementTree.parse(report).iter('testcase')) \
            if report.is_file() else []
    found = [] if cases else [dict(
        name=file.name, outcome='failed', seconds=seconds,
        message=failure or 'pytest found no test marked cuda')]
    for case in cases:
        outcome, message = 'passed', ''
        for child in case:
            if child.tag in ('failure', 'error', 'skipped'):
                outcome = 'skipped' if child.tag == 'skipped' else 'failed'
                message = child.get('message', '')
        found.append(dict(
            name=f'{file.name}::{case.get("name")}', outcome=outcome,
            seconds=float(case.get('time', 0)), message=message))
    return found


def run_row(arguments: List[str], seconds: float) -> Dict[str, Any]:
    """Time one kind of step.

    Args:
        arguments (list[str]): Of ``benchmark_step.py``.
        seconds (float): Limit.

    Returns:
        dict: ``arguments``, ``outcome`` and, where that is ``'passed'``, the
        figures with ``images_per_second``; else ``message``.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, 'step.json')
        failure = call([
            sys.executable, str(STEP), *arguments, '--device', 'cuda',
            '--iters', '10', '--json', str(out)], seconds)
        row: Dict[str, Any] = dict(
            arguments=arguments, outcome='failed' if failure else 'passed')
        if failure:
            return dict(row, message=failure)
        found = json.loads(out.read_text())
    labelled, unlabelled = found['batch']
    return dict(
        row, **{key: found[key] for key in FIGURES},
        images_per_second={
            name: (labelled + unlabelled * (name != 'supervised')) / median
            for name, median in found['median_seconds'].items()})


def main() -> None:
    """Run it all, and write what is known after each part."""
    args = parse_args()
    start = time.monotonic()

    def left(share: float = 1) -> float:
        return share * 60 * args.minutes - (time.monotonic() - start)

    report: Dict[str, Any] = dict(
        machine=dict(facts('cuda'), gpus=torch.cuda.device_count(),
                     capability=torch.cuda.get_device_capability(),
                     cudnn=torch.backends.cudnn.version()),
        tests=[], rows={})
    late = dict(outcome='not run', message='no time was left')
    for file in sorted(TESTS.glob('test_*.py')):
        report['tests'] += run_tests(file, left(.5)) if left(.5) > ENOUGH \
            else [dict(late, name=file.name)]
        write_json(args.out, report)
    for name, arguments in ROWS.items():
        report['rows'][name] = run_row(arguments, left()) \
            if left() > ENOUGH else dict(late, arguments=arguments)
        write_json(args.out, report)
    report['seconds'] = time.monotonic() - start
    write_json(args.out, report)
    bad = [f'{name}: {one["outcome"]} ({one["message"]})' for name, one in (
        *((one['name'], one) for one in report['tests']),
        *report['rows'].items()) if one['outcome'] in ('failed', 'not run')]
    raise SystemExit('\n'.join(bad))


if __name__ == '__main__':
    main()
