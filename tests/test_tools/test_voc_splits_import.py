"""voc_splits.py import: the published lists, intact and damaged."""

import hashlib
import random
import shutil
from pathlib import Path

import pytest
from PIL import Image
from tiny import tool

SCRIPT = 'dataset_converters/voc_splits.py'
LISTS = 'ImageSets/Segmentation'
AUTHORS = {'1_16': '16_clean_3', '1_16_b': '16_clean_14',
           '1_16_c': '16_clean_20', '1_8': '8_clean', '1_4': '4_clean',
           '1_2': '2_clean'}
EXTRA, VAL = ['2020_000001', '2020_000002'], ['2021_000001']


@pytest.fixture()
def source(shared, tmp_path) -> Path:
    """A copy of the published lists that may be damaged."""
    return Path(shutil.copytree(shared / 'splits' / 'voc', tmp_path / 'wss'))


@pytest.fixture()
def root(source, tmp_path) -> Path:
    """A VOC of empty images and one mask under many names."""
    root = tmp_path / 'VOC'
    for name in ('JPEGImages', 'SegmentationClass', LISTS):
        (root / name).mkdir(parents=True)
    ids = {i for path in source.iterdir() for i in read(path)}
    pool = sorted(ids) + EXTRA
    mask = root / 'mask.png'
    Image.frombytes('L', (2, 2), bytes([0, 255, 3, 20])).save(mask)
    for name in pool:
        (root / f'JPEGImages/{name}.jpg').touch()
        if name in ids:
            (root / f'SegmentationClass/{name}.png').hardlink_to(mask)
    for name, members in (('trainaug', pool), ('val', VAL)):
        (root / LISTS / f'{name}.txt').write_text('\n'.join(members))
    return root


def read(path: Path) -> list:
    return path.read_text().split()


def import_lists(root: Path, source: Path, *args: object,
                 ok: bool = True) -> str:
    return tool(SCRIPT, 'import', root, '--source', source, *args,
                cwd=root.parent, ok=ok)


def written(root: Path, name: str) -> tuple:
    folder = root / LISTS / 'pseudoseg' / name
    return read(folder / 'labeled.txt'), read(folder / 'unlabeled.txt')


def test_published_lists_are_written_as_they_are(root, source):
    log = import_lists(root, source)
    pool = read(root / LISTS / 'trainaug.txt')
    for name in AUTHORS:
        labeled, unlabeled = written(root, name)
        assert labeled == read(source / f'{name}.txt')
        assert unlabeled == pool
        assert f'{name}: {len(labeled)} labelled images' in log
    assert log.count(f'  {"bird":<16}  183\n') == 1  # class 3, in 1_8
    assert log.count(f'  {"cat":<16}    0\n') == 6
    assert 'trainaug.txt is not the trainaug.txt (10582 images)' in log
    assert 'absent' not in log and 'wrote 12 files' in log
    assert 'nothing to do' in import_lists(root, source)


@pytest.mark.parametrize('kind', ['all', 'remaining'])
def test_the_order_of_the_pool_does_not_matter(root, source, kind):
    """The stock voc_aug.py writes trainaug.txt in the order of a set."""
    path = root / LISTS / 'trainaug.txt'
    ids = read(path)
    path.write_text('\n'.join(ids[::-1]))
    import_lists(root, source, '--unlabeled', kind)
    labeled, unlabeled = written(root, '1_8')
    assert labeled == read(source / '1_8.txt')
    assert unlabeled == sorted(
        set(ids) - (set(labeled) if kind == 'remaining' else set()))
    random.Random(0).shuffle(ids)
    path.write_text('\n'.join(ids))
    assert 'nothing to do' in import_lists(root, source, '--unlabeled', kind)


def test_a_clone_with_its_own_names_and_the_remaining_pool(root, source):
    clone = source.parent / 'clone'
    folder = clone / 'data_splits' / 'pascal_voc_seg'
    folder.mkdir(parents=True)
    for name, authors in AUTHORS.items():
        if name != '1_2':
            shutil.copy(source / f'{name}.txt', folder / f'{authors}.txt')
    log = import_lists(root, clone, '--unlabeled', 'remaining')
    assert f'1_2: absent, skipped (neither {folder}/2_clean.txt nor ' in log
    assert not (root / LISTS / 'pseudoseg' / '1_2').exists()
    labeled, unlabeled = written(root, '1_16_b')
    assert set(labeled).isdisjoint(unlabeled)
    assert sorted(labeled + unlabeled) == sorted(
        read(root / LISTS / 'trainaug.txt'))


def damaged_by_one(ids):
    return ['2007_000001', *ids[1:]]


def truncated(ids):
    return ids[:-1]


def doubled(ids):
    return [*ids, ids[0]]


@pytest.mark.parametrize('damage', [damaged_by_one, truncated, doubled])
def test_a_damaged_list_is_refused(root, source, damage):
    path = source / '1_8.txt'
    ids = damage(read(path))
    path.write_text('\n'.join(ids))
    found = hashlib.sha256('\n'.join(sorted(ids)).encode()).hexdigest()
    log = import_lists(root, source, ok=False)
    assert (f'{path}: not the list 8_clean of googleinterns/wss: expected '
            f'183 ids with checksum 79b959bccf7753cd, found {len(ids)} with '
            f'{found[:16]}') in log
    assert 'Nothing was written' in log
    assert not (root / LISTS / 'pseudoseg').exists()


def test_every_damaged_list_is_named(root, source):
    for name in ('1_4', '1_16'):
        (source / f'{name}.txt').write_text('2007_000032\n')
    log = import_lists(root, source, ok=False)
    assert '4_clean' in log and '16_clean_3 of' in log
    assert '8_clean' not in log


@pytest.mark.parametrize('line, shown', [
    ('train2017/000000177254', '000000177254'), ('2007_32.jpg', '2007_32'),
    ('2007_000032.jpeg', '2007_000032.jpeg')])
def test_malformed_ids_are_refused(root, source, line, shown):
    path = source / '1_4.txt'
    path.write_text('\n'.join([*read(path)[:2], line]))
    assert f"{path}: entry 3 is '{shown}', not an image id" in import_lists(
        root, source, ok=False)


def test_lists_of_another_data_set_are_refused(root, source):
    first = read(source / '1_16.txt')[0]
    lists = root / LISTS
    pool = [i for i in read(lists / 'trainaug.txt') if i != first]
    (lists / 'trainaug.txt').write_text('\n'.join(pool))
    assert ('1_16: 1 of 92 images are not in trainaug.txt, the first is '
            f'{first}') in import_lists(root, source, ok=False)
    (lists / 'val.txt').write_text(first)
    assert ('1_16: 1 of its images are also in val.txt, the first is '
            f'{first}') in import_lists(root, source, ok=False)


def test_missing_mask_and_empty_source(root, source, tmp_path):
    first = read(source / '1_16.txt')[0]
    (root / f'SegmentationClass/{first}.png').unlink()
    assert ('1_16: 1 of 92 files are missing, the first is '
            f'{root}/SegmentationClass/{first}.png') in import_lists(
                root, source, ok=False)
    log = import_lists(root, tmp_path, ok=False)
    assert log.count('absent') == 6 and 'holds none of the lists' in log
