"""run_table.py on a book of three configs, with a stand-in for training."""
# ruff: noqa: F811  (the fixtures are imported)

import subprocess
import sys

import pytest
from small_book import (  # noqa: F401
    METAFILE,
    book,
    calls,
    cells,
    run_table,
)


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
    work_dir = book / 'work_dirs' / 'teacher_seed4'
    assert (f'configs/a/teacher.py {work_dir}/iter_10.pth --list '
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
    (('--gpus', 4), f'PYTHON={sys.executable} bash tools/dist_train.sh '
     'configs/a/broken.py 4 '),
    (('--gpus', 8, '--slurm', 'night'),
     f'PYTHON={sys.executable} GPUS=8 bash tools/slurm_train.sh night '
     'broken_seed0 configs/a/broken.py')
])
def test_dry_run_prints_commands_alone(book, run_table, options, command):
    text = run_table(7, '--dry-run', '--cfg-options', 'a.b=3', *options)
    assert command in text
    assert '--cfg-options randomness.seed=0 a.b=3' in text
    assert not calls(book) and not (book / 'work_dirs').exists()


def test_another_config_is_refused(book, run_table):
    run_table(6)
    path = book / 'configs' / 'a' / 'teacher.py'
    path.write_text(path.read_text() + 'lr = 3\n')
    text = run_table(6, ok=False)
    assert 'teacher_seed0 was run with another lr' in text


def test_record_fills_metafile_and_docs(book, run_table):
    run_table(6, '--seeds', 0, 2)
    before = calls(book)
    run_table(6, '--seeds', 0, 2, '--record', 'docs/logs/six.txt')
    assert calls(book) == before
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
    ('unfinished', 'not finished: WORK/broken_seed0. Nothing was written'),
    ('dirty', '-dirty; commit it'),
    ('unknown', 'student_seed0/run.json does not say which commit')])
def test_record_refuses(book, run_table, fault, message):
    message = message.replace('WORK', str(book / 'work_dirs'))
    metafile = book / 'configs' / 'a' / 'metafile.yml'
    if fault == 'dirty':
        path = book / 'configs' / 'a' / 'student.py'
        path.write_text(path.read_text() + '\n')
    elif fault == 'unfinished':  # the row that fails
        metafile.write_text(METAFILE.replace("'7'", "'6'"))
    run_table(6, ok=fault != 'unfinished')
    if fault == 'unknown':
        (book / 'work_dirs' / 'student_seed0' / 'run.json').unlink()
    before, trained = metafile.read_text(), calls(book)
    assert message in run_table(6, '--record', 'l.txt', ok=False)
    assert metafile.read_text() == before and not (book / 'l.txt').exists()
    assert calls(book) == trained


def test_bad_calls(book, run_table):
    assert 'there is no table 99; there are 6, 7, fig1' in run_table(
        99, ok=False)
    run_table(6, '--gpus', 2, '--jobs', 2, ok=False)
    run_table(6, '--slurm', 'night', ok=False)
    assert 'not allowed with' in run_table(
        6, '--dry-run', '--record', 'l.txt', ok=False)
    (book / 'configs' / 'tables.yml').write_text("'7': seven\nfig1: one\n")
    assert ('teacher is in table 6, which configs/tables.yml lacks'
            in run_table(7, ok=False))
