"""voc_splits.py: 1.4k/9k, and families of lists that must not mix."""

import hashlib
import importlib
from pathlib import Path

import pytest
from inprocess import tool_main  # noqa: F401  (a fixture)
from PIL import Image
from tiny import TOOLS

LISTS = 'ImageSets/Segmentation'
TRAIN = [f'2007_{i:06d}' for i in range(30)]
POOL = TRAIN + [f'2008_{i:06d}' for i in range(20)]
VAL = ['2009_000001']
BLENDED, PRIORITY = POOL[::4], POOL[1:13]


def checksum(ids: list) -> str:
    return hashlib.sha256('\n'.join(sorted(ids)).encode()).hexdigest()[:16]


@pytest.fixture()
def tables(monkeypatch):
    """The tables, with a list of each later family made up."""
    monkeypatch.syspath_prepend(TOOLS / 'dataset_converters')
    tables = importlib.import_module('split_tables')
    for family, name, ids in (('blended', '1-4', BLENDED),
                              ('priority', '12', PRIORITY)):
        facts = {'1_4': tables.Published(name, len(ids), checksum(ids))}
        monkeypatch.setitem(tables.FAMILIES, family,
                            tables.FAMILIES[family]._replace(lists=facts))
    return tables


@pytest.fixture()
def root(tmp_path) -> Path:
    """Fifty empty images, masks of the thirty of train, all masks in Aug."""
    root = tmp_path / 'VOC'
    for name in ('JPEGImages', 'SegmentationClass', 'SegmentationClassAug',
                 LISTS):
        (root / name).mkdir(parents=True)
    mask = root / 'mask.png'
    Image.frombytes('L', (2, 2), bytes([0, 255, 3, 20])).save(mask)
    for name in POOL:
        (root / f'JPEGImages/{name}.jpg').touch()
        (root / f'SegmentationClassAug/{name}.png').hardlink_to(mask)
        if name in TRAIN:
            (root / f'SegmentationClass/{name}.png').hardlink_to(mask)
    for name, ids in dict(train=TRAIN, trainaug=POOL, val=VAL).items():
        write(root / LISTS / f'{name}.txt', ids)
    return root


@pytest.fixture()
def voc(tool_main, root):  # noqa: F811
    def run(command: str, *args: object, ok: bool = True) -> str:
        return tool_main('voc_splits', command, root, *args, ok=ok)

    return run


def write(path: Path, ids: list) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(ids))


def written(root: Path, name: str) -> tuple:
    folder = root / LISTS / 'pseudoseg' / name
    return tuple((folder / f'{part}.txt').read_text().split()
                 for part in ('labeled', 'unlabeled'))


def two_columns(ids: list) -> list:
    return [f'JPEGImages/{i}.jpg SegmentationClass/{i}.png' for i in ids]


def test_train_aug_needs_voc_or_the_option(voc, root):
    log = voc('train_aug', ok=False)
    assert (f"{root}/{LISTS}/train.txt: not VOC's: expected 1464 ids with "
            f'checksum 129f1fe991729b18, found 30 with {checksum(TRAIN)}; '
            '--other-data') in log
    assert not (root / LISTS / 'pseudoseg').exists()
    log = voc('train_aug', '--other-data')
    assert written(root, 'train_aug') == (TRAIN, POOL[30:])
    assert f'  {"bird":<16}   30\n' in log and '20 images, new' in log
    assert 'nothing to do' in voc('train_aug', '--other-data')
    assert '--force overwrites' in voc('train_aug', '--other-data',
                                       '--unlabeled', 'all', ok=False)
    voc('train_aug', '--other-data', '--unlabeled', 'all', '--name', 'all')
    assert written(root, 'all') == (TRAIN, POOL)


def test_train_aug_with_the_real_train_needs_the_real_pool(
        voc, root, tables, monkeypatch):
    monkeypatch.setattr(tables, 'TRAIN_CHECKSUM', checksum(TRAIN))
    assert f"{root}/{LISTS}/trainaug.txt: not VOC's: expected 10582" in voc(
        'train_aug', ok=False)
    monkeypatch.setattr(importlib.import_module('split_rules'),
                        'TRAINAUG_CHECKSUM', checksum(POOL))
    voc('train_aug')
    assert written(root, 'train_aug') == (TRAIN, POOL[30:])


@pytest.mark.parametrize('family, place, ids', [
    ('blended', 'splits/pascal/1_4/labeled.txt', BLENDED),
    ('blended', 'DATA/pascal_voc/subset_train_aug/train_aug_labeled_1-4.txt',
     BLENDED),
    ('blended', 'blended_1_4.txt', BLENDED),
    ('priority', 'data/splits/pascal/12/labeled.txt', PRIORITY),
    ('priority', 'splits/pascal/u2pl_1_4/labeled.txt', PRIORITY),
])
def test_families_are_found_in_clones(voc, root, tables, tmp_path, family,
                                      place, ids):
    write(tmp_path / 'clone' / place, two_columns(ids))
    args = '--source', tmp_path / 'clone', '--family', family
    voc('import', *args)
    name = f'{family}_1_4'
    assert written(root, name) == (ids, [i for i in POOL if i not in ids])
    assert 'nothing to do' in voc('import', *args)
    voc('import', *args, '--unlabeled', 'all', '--force')
    assert written(root, name) == (ids, POOL)


def test_blended_lists_need_masks_of_trainaug(voc, root, tables, tmp_path):
    write(tmp_path / 'blended_1_4.txt', BLENDED)
    log = voc('import', '--source', tmp_path, '--family', 'blended',
              '--masks', 'SegmentationClass', ok=False)
    missing = [i for i in BLENDED if i not in TRAIN]
    assert (f'blended_1_4: {len(missing)} of {len(BLENDED)} files are '
            f'missing, the first is {root}/SegmentationClass/{missing[0]}'
            ) in log


def test_a_list_of_another_family_is_named(voc, root, tables, tmp_path):
    write(tmp_path / 'blended_1_4.txt', PRIORITY)
    write(tmp_path / '1_8.txt', two_columns(BLENDED))
    log = voc('import', '--source', tmp_path, '--family', 'blended', ok=False)
    assert (f"{tmp_path}/blended_1_4.txt: this is list 1_4 of the family "
            "'priority' (Haochen-Wang409/U2PL), not 1_4 of 'blended'; import "
            'it as --family priority, named priority_1_4.txt') in log
    assert "this is list 1_4 of the family 'blended'" in voc(
        'import', '--source', tmp_path, ok=False)
    assert not (root / LISTS / 'pseudoseg').exists()


def test_a_damaged_list_and_an_empty_clone(voc, root, tables, tmp_path):
    path = tmp_path / 'data/splits/pascal/12/labeled.txt'
    write(path, PRIORITY[1:])
    args = '--source', tmp_path, '--family', 'priority'
    assert (f'{path}: not the list 12 of Haochen-Wang409/U2PL: expected 12 '
            f'ids with checksum {checksum(PRIORITY)}, found 11') in voc(
                'import', *args, ok=False)
    path.unlink()
    assert ('holds none of the lists; clone Haochen-Wang409/U2PL for '
            '--family priority') in voc('import', *args, ok=False)
    assert 'invalid choice' in voc('import', *args[:3], 'mixed', ok=False)


def test_no_two_published_lists_are_the_same(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS / 'dataset_converters')
    tables = importlib.import_module('split_tables')
    facts = [(published.num, published.checksum)
             for family in tables.FAMILIES.values()
             for published in family.lists.values()]
    assert len(facts) == len(set(facts))
    assert all(len(digest) == 16 for _, digest in facts)
