"""run_table.py on a book of three configs, with a stand-in for training."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, List

import pytest
from tiny import TOOLS

# Trains nothing: logs 90 half way and 30 + seed at the end, and every call.
TRAIN = '''
import json, sys
from pathlib import Path
args = sys.argv[1:]
config, work_dir = Path(args[0]), Path(args[args.index('--work-dir') + 1])
if 'broken' in config.stem:
    sys.exit(3)
scope = {}
exec(config.read_text(), scope)
scope.pop('__builtins__')
for pair in args[args.index('--cfg-options') + 1:]:
    key, value = pair.split('=')
    *parents, last = key.split('.')
    node = scope
    for parent in parents:
        node = node.setdefault(parent, {})
    node[last] = int(value) if value.isdigit() else value
work_dir.mkdir(parents=True, exist_ok=True)
(work_dir / config.name).write_text(
    '\\n'.join(f'{k} = {v!r}' for k, v in scope.items()))
seed = scope['randomness']['seed']
(work_dir / '1' / 'vis_data').mkdir(parents=True, exist_ok=True)
(work_dir / '1' / 'vis_data' / 'scalars.json').write_text('\\n'.join(
    json.dumps(dict(mIoU=v, step=s)) for s, v in ((5, 90.), (10, 30. + seed))))
(work_dir / '1' / '1.log').write_text(
    'date - Iter(train) [10/10] loss: 0.1\\n'
    f'date - Iter(val) [4/4] mIoU: {30. + seed}\\n')
with open('calls.txt', 'a') as calls:
    calls.write(' '.join(['train', config.stem, *args[1:]]) + '\\n')
'''
LABEL = '''
import sys
with open('calls.txt', 'a') as calls:
    calls.write(' '.join(['label', *sys.argv[1:]]) + '\\n')
'''
CONFIG = '''
train_cfg = dict(max_iters=10)
randomness = dict(seed=0)
train_dataloader = dict(dataset=dict(unlabeled=dict(
    ann_file='unlabeled.txt', data_prefix=dict(seg_map_path='labels'))))
test_dataloader = dict(dataset=dict(data_root='data/it'))
'''
METAFILE = '''
Models:
- Name: teacher
  Config: configs/a/teacher.py
  Metadata:
    Training Data: digits, 1/8
    Rows: [{Table: '6', Row: teacher, mIoU: 56.03}]
- Name: student
  Config: configs/a/student.py
  Metadata:
    Training Data: digits, 1/8
    Teacher: teacher
    Rows: [{Table: '6', Row: student}, {Table: fig1, Row: student}]
- Name: broken
  Config: configs/a/broken.py
  Metadata:
    Training Data: digits, 1/8
    Rows: [{Table: '7', Row: broken}, {Table: fig1, Row: broken}]
'''


@pytest.fixture()
def book(tmp_path, monkeypatch) -> Path:
    """A project with a git history."""
    files = {
        'tools/train.py': TRAIN, 'tools/generate_pseudo_labels.py': LABEL,
        'configs/a/metafile.yml': METAFILE,
        'configs/tables.yml': "'6': six\n'7': seven\nfig1: figure one\n",
        'model-index.yml': 'Import: [configs/a/metafile.yml]\n',
        'README.md': 'Text.\n<!-- table 6 -->\nold\n<!-- end of table -->\n'
                     'More.\n',
        'docs/experiments.md': '<!-- table 7 -->\n<!-- end of table -->\n',
        '.gitignore': 'work_dirs\ncalls.txt\n',
        **{f'configs/a/{name}.py': CONFIG
           for name in ('teacher', 'student', 'broken')}
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(TOOLS)
    import _book
    monkeypatch.setattr(_book, 'ROOT', tmp_path)
    return tmp_path


def commit(folder: Path) -> None:
    git = ('git', '-c', 'user.name=a', '-c', 'user.email=a@b.c')
    for args in (('init', '-q'), ('add', '.'), ('commit', '-qm', 'x')):
        subprocess.run([*git, *args], cwd=folder, check=True)


@pytest.fixture()
def run_table(book, monkeypatch, capfd) -> Callable[..., str]:
    """``run_table(*args, ok=True)``: what it prints."""
    import make_tables
    import run_table as module

    def run(*args: object, ok: bool = True, main=module.main) -> str:
        monkeypatch.setattr(sys, 'argv', ['tool', *map(str, args)])
        code: object = None
        try:
            main()
        except SystemExit as end:
            code = end.code
        streams = capfd.readouterr()
        assert (not code) == ok, streams
        return f'{streams.out}{streams.err}{code or ""}'

    run.make_tables = lambda *a, **k: run(*a, main=make_tables.main, **k)
    return run


def calls(book: Path) -> List[str]:
    path = book / 'calls.txt'
    return path.read_text().splitlines() if path.is_file() else []


def cells(text: str) -> Dict[str, List[str]]:
    """Row -> the other cells of a printed table."""
    rows = [[c.strip() for c in line.strip('|').split('|')]
            for line in text.splitlines() if line.startswith('|')]
    return {row[0]: row[1:] for row in rows}


def test_teachers_first_then_skip_finished(book, run_table):
    """Last checkpoint (30 + seed, not 90), mean and spread of 30, 31, 32."""
    text = run_table(6, '--seeds', 0, 1, 2, '--jobs', 2)
    kinds = [line.split()[:2] for line in calls(book)]
    assert kinds[:3] == [['train', 'teacher']] * 3
    assert sorted(kind[0] for kind in kinds[3:]) == ['label'] * 3 + [
        'train'] * 3
    assert cells(text)['teacher'] == [
        'teacher', '56.03', '31.0 ± 1.0', '0: 30.00, 1: 31.00, 2: 32.00']
    before = len(calls(book))
    assert 'student, seed 2: finished' in run_table(6, '--seeds', 0, 1, 2)
    assert len(calls(book)) == before


def test_student_learns_from_its_seeds_teacher(book, run_table):
    run_table('fig1', '--seeds', 4, ok=False)
    label, = [c for c in calls(book) if c.startswith('label')]
    assert ('configs/a/teacher.py work_dirs/teacher_seed4/iter_10.pth --list '
            'unlabeled.txt --out data/it/pseudo_labels/teacher_seed4') in label
    student, = [c for c in calls(book) if c.startswith('train student')]
    assert ('unlabeled.data_prefix.seg_map_path=pseudo_labels/teacher_seed4'
            in student)
    assert calls(book).index(label) < calls(book).index(student)


def test_a_failure_is_named_and_others_go_on(book, run_table):
    text = run_table('fig1', ok=False)
    assert 'broken, seed 0: FAILED with status 3' in text
    assert 'work_dirs/broken_seed0.log' in text
    assert 'student, seed 0: finished' in text
    assert 'error: not every run went well' in text


@pytest.mark.parametrize('options,command', [
    ((), 'tools/train.py configs/a/broken.py --work-dir'),
    (('--gpus', 4), 'bash tools/dist_train.sh configs/a/broken.py 4 '),
    (('--gpus', 8, '--slurm', 'night'),
     'GPUS=8 bash tools/slurm_train.sh night broken_seed0 configs/a/broken.py')
])
def test_dry_run_prints_commands_alone(book, run_table, options, command):
    text = run_table(7, '--dry-run', '--cfg-options', 'a.b=3', *options)
    assert command in text
    assert '--cfg-options randomness.seed=0 a.b=3' in text
    assert not calls(book) and not (book / 'work_dirs').exists()


def test_stopped_run_is_resumed(book, run_table):
    run_table(6)
    work_dir = book / 'work_dirs' / 'teacher_seed0'
    (work_dir / '1' / 'vis_data' / 'scalars.json').write_text(
        '{"mIoU": 20.0, "step": 5}')
    (work_dir / 'last_checkpoint').write_text('iter_5.pth')
    (work_dir / 'run.json').write_text('{"commit": "abc"}')
    assert 'teacher, seed 0: unfinished' in run_table(6)
    assert '--resume' in calls(book)[-1].split()
    assert json.loads((work_dir / 'run.json').read_text())['commit'] == 'abc'


def test_another_config_is_refused(book, run_table):
    run_table(6)
    path = book / 'configs' / 'a' / 'teacher.py'
    path.write_text(path.read_text() + 'lr = 3\n')
    text = run_table(6, ok=False)
    assert 'teacher_seed0 was run with another lr' in text


def test_record_fills_metafile_and_docs(book, run_table):
    run_table(6, '--seeds', 0, 2, '--record', 'docs/logs/six.txt')
    head = subprocess.run(['git', 'rev-parse', '--short', 'HEAD'], cwd=book,
                          text=True, capture_output=True).stdout.strip()
    log = (book / 'docs' / 'logs' / 'six.txt').read_text()
    assert f'## teacher, seed 2, commit {head}' in log
    assert 'Iter(val) [4/4] mIoU: 32.0' in log
    run_table.make_tables('--check', ok=False)
    run_table.make_tables()
    run_table.make_tables('--check')
    readme = (book / 'README.md').read_text()
    assert ('| teacher | [teacher](configs/a/teacher.py) | 56.03 | 31.0 ± 1.4 '
            f'(seed 0, 2; {head}; [log](docs/logs/six.txt)) |') in readme
    assert readme.startswith('Text.') and readme.endswith('More.\n')
    assert 'old' not in readme
    broken = (book / 'docs' / 'experiments.md').read_text()
    assert '| broken | [broken](../configs/a/broken.py) |  |  |' in broken


@pytest.mark.parametrize('fault,message', [
    ('unfinished', 'not every run went well'),
    ('dirty', '-dirty; commit it'),
    ('unknown', 'run.json is missing')])
def test_record_refuses(book, run_table, fault, message):
    metafile = book / 'configs' / 'a' / 'metafile.yml'
    if fault == 'dirty':
        path = book / 'configs' / 'a' / 'student.py'
        path.write_text(path.read_text() + '\n')
    elif fault == 'unfinished':  # the row that fails
        metafile.write_text(METAFILE.replace("'7'", "'6'"))
    run_table(6, ok=fault != 'unfinished')
    if fault == 'unknown':
        (book / 'work_dirs' / 'student_seed0' / 'run.json').unlink()
    before = metafile.read_text()
    assert message in run_table(6, '--record', 'l.txt', ok=False)
    assert metafile.read_text() == before and not (book / 'l.txt').exists()


def test_bad_calls(book, run_table):
    assert 'there is no table 99; there are 6, 7, fig1' in run_table(
        99, ok=False)
    run_table(6, '--gpus', 2, '--jobs', 2, ok=False)
    run_table(6, '--slurm', 'night', ok=False)
    (book / 'configs' / 'tables.yml').write_text("'7': seven\nfig1: one\n")
    assert ('teacher is in table 6, which configs/tables.yml lacks'
            in run_table(7, ok=False))
