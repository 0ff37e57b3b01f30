"""isaid_splits.py on made-up patches: draws, refusals, the stock data set."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from inprocess import tool_main  # noqa: F401  (a fixture)
from mmseg.datasets import iSAIDDataset
from PIL import Image

MASK = '_instance_color_RGB.png'
# Aerial image -> patches; P0003 alone shows class 15, nothing shows 14.
PATCHES = dict(P0000=4, P0001=1, P0002=2, P0003=3, P0004=2, P0005=4, P0006=2,
               P0007=2)
ARGS = ('--share', '1/4', '--seed', 5)


def patch_ids(image: str) -> list:
    return [f'{image}_0_896_{512 * k}_{512 * k + 896}'
            for k in range(PATCHES[image])]


def classes_of(image: str, k: int) -> set:
    """The foreground classes of a patch."""
    number = int(image[1:])
    return {15} if image == 'P0003' else {1 + (number + k) % 3, 4 + k % 2}


@pytest.fixture()
def root(tmp_path) -> Path:
    root = tmp_path / 'iSAID'
    for image in PATCHES:
        for k, patch in enumerate(patch_ids(image)):
            write(root, 'train', patch, classes_of(image, k))
    write(root, 'val', 'P1000_0_896_0_896', {1})
    return root


def write(root: Path, part: str, patch: str, classes: set) -> None:
    """A patch and its mask, 255 in a corner."""
    mask = np.zeros((6, 20), np.uint8)
    for value in classes:
        mask[2:4, value] = value
    mask[5] = 255
    for path in (root / f'img_dir/{part}/{patch}.png',
                 root / f'ann_dir/{part}/{patch}{MASK}'):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(path)


@pytest.fixture()
def isaid(tool_main, root):  # noqa: F811
    def run(*args: object, ok: bool = True) -> str:
        return tool_main('isaid_splits', root, *(args or ARGS), ok=ok)

    return run


def written(root: Path, name: str = '1_4') -> tuple:
    return tuple((root / f'pseudoseg/{name}/{part}.txt').read_text().split()
                 for part in ('labeled', 'unlabeled'))


def test_draw_keeps_the_first_best_candidate(isaid, root):
    log = isaid(*ARGS, '--candidates', 30)
    rng, best, best_rarest = np.random.default_rng(5), None, -1
    for _ in range(30):
        drawn, num = [], 0
        for row in rng.permutation(len(PATCHES)):
            if num >= 5:  # a quarter of 20
                break
            drawn.append(sorted(PATCHES)[row])
            num += PATCHES[drawn[-1]]
        counts = dict.fromkeys((1, 2, 3, 4, 5, 15), 0)
        for image in drawn:
            for k in range(PATCHES[image]):
                for value in classes_of(image, k):
                    counts[value] += 1
        if min(counts.values()) > best_rarest:
            best, best_rarest = sorted(drawn), min(counts.values())
            best_counts = counts
    labeled, unlabeled = written(root)
    assert best_rarest > 0 and 'P0003' in best
    assert labeled == sorted(
        patch for i in best for patch in patch_ids(i))
    assert sorted(labeled + unlabeled) == sorted(
        patch for i in PATCHES for patch in patch_ids(i))
    assert not {p[:5] for p in labeled} & {p[:5] for p in unlabeled}
    assert f'drew {len(best)} of 8 aerial images, {len(labeled)} of 20' in log
    names = iSAIDDataset.METAINFO['classes']
    for value, count in best_counts.items():
        assert f'  {names[value]:<16}{count:>5}\n' in log
    assert 'shows no plane (no patch of img_dir/train does)' in log
    assert 'shows no Harbor' not in log


def test_a_class_that_no_draw_shows_is_told(isaid):
    # Without luck in one draw; the image with class 15 has 3 of 20 patches.
    logs = [isaid('--share', '1/20', '--seed', seed, '--candidates', 1,
                  '--name', f's{seed}') for seed in range(4)]
    assert any('shows no Harbor (no draw showed all' in log for log in logs)


def test_the_stock_dataset_reads_the_lists(isaid, root):
    isaid()
    labeled, _ = written(root)
    dataset = iSAIDDataset(
        data_root=str(root), ann_file='pseudoseg/1_4/labeled.txt',
        data_prefix=dict(img_path='img_dir/train',
                         seg_map_path='ann_dir/train'))
    assert len(dataset) == len(labeled) >= 5
    info = dataset.get_data_info(0)
    assert Path(info['img_path']).stem == labeled[0]
    assert Path(info['img_path']).is_file()
    assert Path(info['seg_map_path']).is_file()


def test_second_run_and_other_lists(isaid, root):
    assert 'wrote 2 files' in isaid()
    before = written(root)
    assert 'nothing to do' in isaid()
    log = isaid(*ARGS, '--unlabeled', 'all', ok=False)
    assert '--force overwrites' in log and written(root) == before
    isaid(*ARGS, '--unlabeled', 'all', '--force')
    labeled, unlabeled = written(root)
    assert labeled == before[0]
    assert sorted(unlabeled) == sorted(before[0] + before[1])
    assert 'wrote 2 files' in isaid(*ARGS, '--name', 'other')
    assert written(root, 'other') == before


def test_help(isaid):
    log = isaid('--help')
    assert 'DATA_ROOT' in log and '--share' in log


def test_refusals(isaid, root):
    write(root, 'val', 'P0002_512_1408_0_896', {1})
    assert ('img_dir/train: 1 of its images are also in img_dir/val, the '
            'first is P0002') in isaid(ok=False)
    (root / 'img_dir/val/P0002_512_1408_0_896.png').unlink()
    mask = root / f'ann_dir/train/{patch_ids("P0004")[1]}{MASK}'
    mask.rename(root / 'elsewhere.png')
    log = isaid(ok=False)
    assert f'1 of 20 files are missing, the first is {mask}' in log
    (root / 'elsewhere.png').rename(mask)
    odd = shutil.copy(mask, root / 'img_dir/train/whole.png')
    assert f'{odd}: not named as a patch' in isaid(ok=False)
    Path(odd).unlink()
    for share in ('0', '8', 'x', '1/0'):
        log = isaid('--share', share, '--seed', 0, ok=False)
        assert 'must lie between 0 and 1' in log
    assert '--seed -1' in isaid('--share', '1/4', '--seed', -1, ok=False)
    assert '--share asks for 20 of 20' in isaid(
        '--share', '99/100', '--seed', 0, ok=False)
    Image.fromarray(np.full((4, 4), 16, np.uint8)).save(mask)
    assert f'{patch_ids("P0004")[1]}' in (log := isaid(ok=False))
    assert 'holds the value 16, but there are 16 classes' in log
    shutil.rmtree(root / 'img_dir/val')
    assert 'img_dir/val: holds no patches *.png' in isaid(ok=False)
    assert not (root / 'pseudoseg').exists()
