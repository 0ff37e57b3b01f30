"""coco_splits.py: the published COCO lists, intact and damaged."""

import hashlib
import shutil
import sys
from pathlib import Path

import pytest
from conftest import SHARED
from tiny import TOOLS, tool

sys.path.insert(0, str(TOOLS / 'dataset_converters'))
import coco_splits  # noqa: E402
from split_rules import Published  # noqa: E402

SCRIPT = 'dataset_converters/coco_splits.py'
NUMBERS = {'1_512': 232, '1_256': 463, '1_128': 925, '1_64': 1849,
           '1_32': 3697}
POOL = [f'{i:012d}' for i in range(9, 60)]
TOY = {'1_512': POOL[4:7][::-1], '1_32': POOL[::5]}


def fill(root: Path, ids: list) -> None:
    (root / 'train2017').mkdir(parents=True)
    for name in ids:
        (root / f'train2017/{name}.jpg').touch()


def read(root: Path, name: str, part: str) -> list:
    path = root / f'splits/pseudoseg/{name}/{part}.txt'
    return path.read_text().splitlines()


@pytest.fixture()
def toy(tmp_path, monkeypatch, capsys):
    """Two short lists in the place of the authors', within this process."""
    for name in NUMBERS:
        ids = TOY.get(name, [])
        text = '\n'.join(sorted(ids)).encode()
        monkeypatch.setitem(coco_splits.COCO.lists, name, Published(
            f'{name[2:]}_all', len(ids),
            hashlib.sha256(text).hexdigest()[:16]))
    root, source = tmp_path / 'coco', tmp_path / 'wss'
    fill(root, POOL)
    source.mkdir()
    for name, ids in TOY.items():
        (source / f'{name}.txt').write_text('\n'.join(ids) + '\n')

    def call(*args: str, ok: bool = True) -> str:
        monkeypatch.setattr(sys, 'argv', [
            'coco_splits.py', str(root), '--source', str(source), *args])
        if ok:
            coco_splits.main()
            return capsys.readouterr().out
        with pytest.raises(SystemExit) as stop:
            coco_splits.main()
        return f'{stop.value.code}\n{capsys.readouterr().out}'

    return root, source, call


def test_lists_are_written_once(toy):
    root, source, call = toy
    log = call()
    for name, ids in TOY.items():
        assert read(root, name, 'labeled') == ids
        assert read(root, name, 'unlabeled') == POOL
    assert f'1_64: absent, skipped (neither {source}/data_splits/coco/64_all' \
           f'.txt nor {source}/1_64.txt)' in log
    assert f'{root}/splits/pseudoseg/1_512/labeled.txt: 3 images, new' in log
    assert 'holds 51 images, COCO has 118287' in log
    assert 'wrote 4 files' in log
    assert 'nothing to do' in call()
    assert len(list((root / 'splits/pseudoseg').iterdir())) == 2


def test_a_clone_with_folders_before_the_ids(toy):
    root, source, call = toy
    folder = source / 'data_splits' / 'coco'
    folder.mkdir(parents=True)
    for name, ids in TOY.items():
        (source / f'{name}.txt').unlink()
        (folder / f'{name[2:]}_all.txt').write_text(
            ''.join(f'train2017/{image}\n' for image in ids))
    call()
    assert read(root, '1_32', 'labeled') == TOY['1_32']


def test_the_remaining_images_alone(toy):
    root, _, call = toy
    call('--unlabeled', 'remaining')
    assert read(root, '1_32', 'unlabeled') == [
        image for image in POOL if image not in TOY['1_32']]


def test_other_lists_are_only_replaced_by_force(toy):
    root, _, call = toy
    call()
    path = root / 'splits/pseudoseg/1_32/labeled.txt'
    path.write_text('mine\n')
    log = call(ok=False)
    assert f'{path} holds another list; nothing was written. --force' in log
    assert f'{path}: 11 images, replaces another list' in log
    assert path.read_text() == 'mine\n'
    assert 'wrote 1 files' in call('--force')
    assert read(root, '1_32', 'labeled') == TOY['1_32']


def drop_line(root, source):
    (source / '1_32.txt').write_text('\n'.join(TOY['1_32'][1:]))
    return f'{source}/1_32.txt: not the list 32_all of googleinterns/wss: ' \
           'expected 11 ids'


def change_digit(root, source):
    text = (source / '1_512.txt').read_text()
    (source / '1_512.txt').write_text(text.replace('00015', '00016'))
    return f'{source}/1_512.txt: not the list 512_all of googleinterns/wss'


def shorten_id(root, source):
    (source / '1_512.txt').write_text(f'train2017/{POOL[4][1:]}')
    return f"{source}/1_512.txt: entry 1 is '{POOL[4][1:]}', not an image id"


def lose_lists(root, source):
    shutil.rmtree(source)
    return f'--source {source}: holds none of the lists'


def lose_image(root, source):
    (root / f'train2017/{POOL[5]}.jpg').unlink()
    return f'1_512: 1 of 3 images are not in {root}/train2017, the first is ' \
           f'{POOL[5]}'


def lose_folder(root, source):
    shutil.rmtree(root / 'train2017')
    return f'{root}/train2017: holds no *.jpg; unpack train2017.zip'


def foreign_image(root, source):
    (root / 'train2017/COCO_train2014_1.jpg').touch()
    return f"{root}/train2017: entry 52 is 'COCO_train2014_1', not an image"


@pytest.mark.parametrize('damage', [
    drop_line, change_digit, shorten_id, lose_lists, lose_image,
    lose_folder, foreign_image])
def test_what_is_wrong_is_named_and_nothing_written(toy, damage):
    root, source, call = toy
    message = damage(root, source)
    log = call(ok=False)
    assert log.startswith('error: ') and message in log
    assert not (root / 'splits').exists()


@pytest.fixture()
def published(tmp_path) -> Path:
    """A copy of the authors' lists that may be damaged."""
    folder = SHARED / 'splits' / 'coco'
    if not folder.is_dir():
        pytest.skip(f"no authors' lists at {folder} (set PSEUDOSEG_SHARED)")
    return Path(shutil.copytree(folder, tmp_path / 'wss'))


def test_the_published_lists_as_a_user_imports_them(published, tmp_path):
    lists = {name: (published / f'{name}.txt').read_text().split()
             for name in NUMBERS}
    pool = sorted({image for ids in lists.values() for image in ids})
    fill(tmp_path / 'coco', pool)
    log = tool(SCRIPT, tmp_path / 'coco', '--source', published, cwd=tmp_path)
    assert 'wrote 10 files' in log and 'absent' not in log
    for name, number in NUMBERS.items():
        assert len(lists[name]) == number
        assert read(tmp_path / 'coco', name, 'labeled') == lists[name]
        assert read(tmp_path / 'coco', name, 'unlabeled') == pool


def test_a_damaged_published_list_is_refused_by_name(published, tmp_path):
    path = published / '1_128.txt'
    path.write_text(path.read_text()[:-13])
    log = tool(SCRIPT, tmp_path, '--source', published, cwd=tmp_path, ok=False)
    assert f'{path}: not the list 128_all of googleinterns/wss: expected 925' \
           ' ids with checksum 92eb3929f14c6eab, found 924' in log
    assert not (tmp_path / 'splits').exists()
