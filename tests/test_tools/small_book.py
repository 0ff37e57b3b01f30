"""A book of three configs, with a stand-in for training."""

import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, List, Optional

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
(work_dir / 'last_checkpoint').write_text('x/iter_10.pth')
with open('calls.txt', 'a') as calls:
    calls.write(' '.join(['train', config.stem, *args[1:]]) + '\\n')
'''
LABEL = '''
import sys
with open('calls.txt', 'a') as calls:
    calls.write(' '.join(['label', *sys.argv[1:]]) + '\\n')
'''
DIST_TRAIN = f'''
config=$1
shift 2
exec {sys.executable} tools/train.py "$config" "$@"
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
        'tools/train.py': TRAIN, 'tools/dist_train.sh': DIST_TRAIN,
        'tools/generate_pseudo_labels.py': LABEL,
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


def commit(folder: Path) -> str:
    """Commit everything there; the commit's short name."""
    git = ('git', '-c', 'user.name=a', '-c', 'user.email=a@b.c')
    for args in (('init', '-q'), ('add', '.'),
                 ('commit', '-qm', 'x', '--allow-empty'),
                 ('rev-parse', '--short', 'HEAD')):
        done = subprocess.run([*git, *args], cwd=folder, check=True,
                              text=True, capture_output=True)
    return done.stdout.strip()


def stop(book: Path, name: str, checkpoint: Optional[str]) -> Path:
    """Make a finished run one that was stopped half way.

    Args:
        book (Path): Where it ran.
        name (str): Its config.
        checkpoint (str | None): What it saved last; None if nothing yet.

    Returns:
        Path: The work dir.
    """
    work_dir = book / 'work_dirs' / f'{name}_seed0'
    (work_dir / '1' / 'vis_data' / 'scalars.json').write_text(
        '{"mIoU": 20.0, "step": 5}')
    (work_dir / 'last_checkpoint').unlink()
    if checkpoint:
        (work_dir / 'last_checkpoint').write_text(f'x/{checkpoint}')
    return work_dir


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
