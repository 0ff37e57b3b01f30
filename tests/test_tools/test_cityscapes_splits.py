"""cityscapes_splits.py: the real lists on a Cityscapes of empty files."""

import shutil
from pathlib import Path

import pytest
from inprocess import tool_main  # noqa: F401  (a fixture)
from mmseg.datasets import CityscapesDataset

EXTRA = 'zurich/zurich_999999_000019'
NUMS = {'1_4': 744, '1_8': 372, '1_30': 100}


@pytest.fixture()
def source(shared, tmp_path) -> Path:
    """A copy of the lists that may be damaged."""
    folder = shared / 'splits' / 'cityscapes'
    if not folder.is_dir():
        pytest.skip(f'no lists at {folder} (set PSEUDOSEG_SHARED)')
    return Path(shutil.copytree(folder, tmp_path / 'lists'))


@pytest.fixture()
def root(source, tmp_path) -> Path:
    """The listed images and their masks, and one image without a mask."""
    root = tmp_path / 'cityscapes'
    stems = {line(i) for path in source.iterdir() for i in read(path)}
    for stem in stems | {EXTRA}:
        for path in (root / f'leftImg8bit/train/{stem}_leftImg8bit.png',
                     root / f'gtFine/train/{stem}_gtFine_labelTrainIds.png'):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    mask(root, EXTRA).unlink()
    return root


def line(image: str) -> str:
    city = image.split('_')[0]
    return f'{city}/{image.removesuffix("_leftImg8bit")}'


def mask(root: Path, stem: str) -> Path:
    return root / f'gtFine/train/{stem}_gtFine_labelTrainIds.png'


def read(path: Path) -> list:
    return path.read_text().split()


@pytest.fixture()
def cityscapes(tool_main, root, source):  # noqa: F811
    def run(*args: object, ok: bool = True) -> str:
        return tool_main('cityscapes_splits', root, '--source', source, *args,
                         ok=ok)

    return run


def test_a_stock_dataset_reads_the_lists(cityscapes, root, source):
    log = cityscapes()
    assert 'Cityscapes has 2975' in log and 'wrote 6 files' in log
    for name, num in NUMS.items():
        assert f'{name}/labeled.txt: {num} images, new' in log
        dataset = CityscapesDataset(
            data_root=str(root), ann_file=f'pseudoseg/{name}/labeled.txt',
            data_prefix=dict(img_path='leftImg8bit/train',
                             seg_map_path='gtFine/train'))
        assert len(dataset) == num
        info = dataset.get_data_info(num - 1)
        first = line(read(source / f'{name}.txt')[-1])
        assert Path(info['img_path']).is_file() and first in info['img_path']
        assert Path(info['seg_map_path']) == mask(root, first)
    unlabeled = read(root / 'pseudoseg/1_8/unlabeled.txt')
    assert EXTRA in unlabeled and unlabeled == sorted(unlabeled)
    assert len(unlabeled) == len(list(root.glob('leftImg8bit/train/*/*')))
    assert 'nothing to do' in cityscapes()


def test_remaining_images_and_force(cityscapes, root):
    cityscapes()
    all_images = read(root / 'pseudoseg/1_30/unlabeled.txt')
    args = '--unlabeled', 'remaining'
    assert '--force overwrites' in cityscapes(*args, ok=False)
    assert 'wrote 3 files' in cityscapes(*args, '--force')
    labeled, rest = (read(root / f'pseudoseg/1_30/{part}.txt')
                     for part in ('labeled', 'unlabeled'))
    assert sorted(labeled + rest) == all_images and len(labeled) == 100


def test_lists_of_a_clone_with_two_columns(cityscapes, root, source):
    for name in NUMS:
        ids = read(source / f'{name}.txt')
        path = source / f'splits/cityscapes/{name}/labeled.txt'
        path.parent.mkdir(parents=True)
        path.write_text('\n'.join(
            f'leftImg8bit/train/{i.split("_")[0]}/{i}.png gtFine/x.png'
            for i in ids))
        (source / f'{name}.txt').unlink()
    assert 'wrote 6 files' in cityscapes()


def test_missing_files_are_named(cityscapes, root, source):
    first = line(read(source / '1_4.txt')[0])
    mask(root, first).rename(root / 'elsewhere.png')
    log = cityscapes(ok=False)
    assert ('1_4: 1 of 744 files are missing, the first is '
            f'{mask(root, first)}') in log
    (root / 'elsewhere.png').rename(mask(root, first))
    (root / 'gtFine/train').rename(root / 'masks')
    cityscapes('--masks', 'masks')
    image = root / f'leftImg8bit/train/{first}_leftImg8bit.png'
    image.unlink()
    assert f'1_4: 1 of 744 images are not in {root}/leftImg8bit/train' in \
        cityscapes('--masks', 'masks', ok=False)
    shutil.rmtree(root / 'leftImg8bit')
    assert 'must be the folder above leftImg8bit' in cityscapes(ok=False)


def test_damaged_and_absent_lists(cityscapes, root, source):
    path = source / '1_8.txt'
    ids = read(path)
    path.write_text('\n'.join(ids[1:]))
    assert (f'{path}: not the list 1_8 of LiheYoung/UniMatch: expected 372 '
            'ids with checksum 17ab184c1ec17b56, found 371') in cityscapes(
                ok=False)
    path.write_text('2007_000032')
    assert ("entry 1 is '2007_000032', not an image id such as "
            'aachen_000003_000019_leftImg8bit') in cityscapes(ok=False)
    assert not (root / 'pseudoseg').exists()
    path.unlink()
    assert '1_8: absent, skipped' in cityscapes()
    assert not (root / 'pseudoseg/1_8').exists()
