"""run_table.py on runs that were stopped: which go on, and as whose work."""
# ruff: noqa: F811  (the fixtures are imported)

import json
from pathlib import Path

import pytest
from small_book import (  # noqa: F401
    book,
    calls,
    commit,
    run_table,
    stop,
)


def commits(book: Path, name: str = 'teacher') -> list:
    path = book / 'work_dirs' / f'{name}_seed0' / 'run.json'
    return json.loads(path.read_text())['commits']


def edit(book: Path) -> str:
    """Change the code; how the tree was before."""
    path = book / 'tools' / 'train.py'
    before = path.read_text()
    path.write_text(before + '# more\n')
    return before


def scalars(book: Path) -> Path:
    return (book / 'work_dirs' / 'teacher_seed0' / '1' / 'vis_data' /
            'scalars.json')


def test_stopped_run_is_resumed(book, run_table):
    run_table(6)
    stop(book, 'teacher', 'iter_5.pth')
    assert 'teacher, seed 0: unfinished' in run_table(6)
    assert '--resume' in calls(book)[-1].split()


def test_nothing_to_resume_is_the_present_codes_run(book, run_table):
    """It crashed before its first checkpoint, in a changed tree."""
    before = edit(book)
    run_table(6)
    (dirty,) = commits(book)
    head = dirty.removesuffix('-dirty')
    assert dirty != head
    (book / 'tools' / 'train.py').write_text(before)
    stop(book, 'teacher', None)
    run_table(6)
    assert '--resume' not in calls(book)[-1].split()
    assert commits(book) == [head]


def test_every_commit_of_a_resumed_run_is_recorded(book, run_table):
    run_table(6)
    edit(book)
    heads = [*commits(book), commit(book)]
    for _ in range(2):  # once for each commit
        stop(book, 'teacher', 'iter_5.pth')
        run_table(6)
        assert commits(book) == heads
    run_table(6, '--record', 'docs/six.txt')
    log = (book / 'docs' / 'six.txt').read_text()
    assert f'## teacher, seed 0, commit {heads[0]}, {heads[1]}\n' in log
    assert f'## student, seed 0, commit {heads[0]}\n' in log
    metafile = (book / 'configs' / 'a' / 'metafile.yml').read_text()
    assert f'Commit: {", ".join(sorted(heads))}\n' in metafile
    assert f'Commit: {heads[0]}\n' in metafile


def test_a_changed_tree_on_the_way_is_not_recorded(book, run_table):
    run_table(6)
    before = edit(book)
    stop(book, 'teacher', 'iter_5.pth')
    run_table(6)
    (book / 'tools' / 'train.py').write_text(before)
    stop(book, 'teacher', 'iter_5.pth')
    run_table(6)
    head, dirty = commits(book)
    assert dirty == f'{head}-dirty'
    text = run_table(6, '--record', 'docs/six.txt', ok=False)
    assert ('teacher_seed0/run.json: the code was changed after commit '
            f'{dirty}') in text
    assert not (book / 'docs' / 'six.txt').exists()


@pytest.mark.parametrize('note,first,recorded', [
    ('{"commit": "abc"}', 'abc', True), ('{}', 'unknown', False),
    (None, 'unknown', False)])
def test_notes_of_before(book, run_table, note, first, recorded):
    """Older files have one commit; runs started by hand have none."""
    run_table(6)
    path = stop(book, 'teacher', 'iter_5.pth') / 'run.json'
    path.unlink()
    if note:
        path.write_text(note)
    head = commit(book)
    run_table(6)
    assert commits(book) == [first, head]
    text = run_table(6, '--record', 'docs/six.txt', ok=recorded)
    assert recorded or 'teacher_seed0/run.json does not say which' in text


def test_a_damaged_note_is_named(book, run_table):
    run_table(6)
    path = stop(book, 'teacher', 'iter_5.pth') / 'run.json'
    path.write_text('{"commits": ["a')
    assert f'{path}: Unterminated string' in run_table(6, ok=False)
    path.unlink()
    run_table(6)


@pytest.mark.parametrize('before,now,remedy', [
    (['--gpus', 8], [], '8 process(es), not 1: give --gpus 8 to'),
    (['--gpus', 8], ['--gpus', 4], '8 process(es), not 4: give --gpus 8 to'),
    ([], ['--gpus', 2], '1 process(es), not 2: give --gpus 1 or none')])
def test_another_number_of_processes_is_refused(book, run_table, before, now,
                                                remedy):
    run_table(6, *before)
    trained = calls(book)
    run_table(6, *now)  # all is finished
    work_dir = stop(book, 'teacher', 'iter_5.pth')
    text = run_table(6, *now, ok=False)
    assert f'{work_dir} was started with {remedy}' in text
    assert calls(book) == trained
    run_table(6, *before)
    assert '--resume' in calls(book)[-1].split()
    run_table(6, *now, '--record', 'docs/six.txt')


def test_without_a_checkpoint_any_number_may_start_anew(book, run_table):
    run_table(6, '--gpus', 8)
    work_dir = stop(book, 'teacher', None)
    run_table(6)
    assert json.loads((work_dir / 'run.json').read_text())['processes'] == 1


def test_record_names_what_is_not_finished(book, run_table):
    """Also where the run could not go on as called."""
    run_table(6, '--gpus', 8)
    trained = calls(book)
    work_dir = stop(book, 'teacher', 'iter_5.pth')
    text = run_table(6, '--record', 'docs/six.txt', ok=False)
    assert f'not finished: {work_dir}. Nothing' in text
    assert 'teacher, seed 0: unfinished\n# student' in text
    assert calls(book) == trained and not (book / 'docs/six.txt').exists()


def test_a_run_without_its_last_validation(book, run_table):
    """Resuming would train nothing and validate nothing, for ever."""
    run_table(6)
    trained = calls(book)
    work_dir = stop(book, 'teacher', 'iter_10.pth')
    text = run_table(6, ok=False)
    assert f'{work_dir} has iter_10.pth, but no result' in text
    assert calls(book) == trained
    (work_dir / 'last_checkpoint').write_text('iter_5.pth')
    run_table(6)


def test_a_half_written_last_line_does_not_count(book, run_table):
    run_table(6)
    with scalars(book).open('ab') as file:
        file.write(b'\n{"mIoU": 9\xff\0')
    assert 'teacher, seed 0: finished' in run_table(6)


def test_a_damaged_line_is_no_unfinished_run(book, run_table):
    run_table(6)
    trained = calls(book)
    path = scalars(book)
    path.write_text('{"mIoU"\n' + path.read_text())
    for args in (), ('--dry-run',), ('--record', 'docs/six.txt'):
        text = run_table(6, *args, ok=False)
        assert f'{path}, line 1: ' in text and 'delete this line' in text
    assert calls(book) == trained
