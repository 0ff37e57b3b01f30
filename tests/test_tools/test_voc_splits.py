"""voc_splits.py: drawn and published lists, and everything it refuses."""

from pathlib import Path

import numpy as np
import pytest
from conftest import write_voc
from mmseg.datasets import PascalVOCDataset
from PIL import Image
from tiny import tool

SCRIPT = 'dataset_converters/voc_splits.py'
LISTS = 'ImageSets/Segmentation'
TRAIN = [f'2007_{i:06d}' for i in range(30)]
POOL = TRAIN + [f'2008_{i:06d}' for i in range(10)]
VAL = ['2009_000001', '2009_000002']
DRAW = ('--name', 'mine', '--num', 12, '--seed', 3)


@pytest.fixture()
def root(tmp_path) -> Path:
    """Thirty images of train with two of the 20 classes each."""
    write_voc(tmp_path / 'VOC', dict(train=TRAIN, trainaug=POOL, val=VAL))
    for name in POOL[30:]:  # nobody needs the masks of unlabelled images
        (tmp_path / f'VOC/SegmentationClass/{name}.png').unlink()
    return tmp_path / 'VOC'


def draw(root: Path, *args: object, ok: bool = True) -> str:
    return tool(SCRIPT, 'draw', root, *(args or DRAW), cwd=root.parent, ok=ok)


def written(root: Path, name: str = 'mine') -> tuple:
    folder = root / LISTS / 'pseudoseg' / name
    return tuple((folder / f'{part}.txt').read_text().splitlines()
                 for part in ('labeled', 'unlabeled'))


def rewrite(root: Path, name: str, ids: list) -> None:
    (root / LISTS / f'{name}.txt').write_text('\n'.join(ids))


def counts(root: Path, ids: list) -> dict:
    """Images that show each foreground class, counted pixel by pixel."""
    result = dict.fromkeys(range(1, 21), 0)
    for name in ids:
        mask = Image.open(root / f'SegmentationClass/{name}.png')
        for value in {pixel for pixel in mask.tobytes()} - {0, 255}:
            result[value] += 1
    return result


def test_draw_keeps_the_first_best_candidate(root):
    log = draw(root, *DRAW, '--candidates', 20)
    rng, best, best_rarest = np.random.default_rng(3), None, -1
    for _ in range(20):
        ids = [TRAIN[i] for i in rng.choice(30, 12, replace=False)]
        rarest = min(counts(root, ids).values())
        if rarest > best_rarest:
            best, best_rarest = sorted(ids), rarest
    labeled, unlabeled = written(root)
    assert labeled == best
    assert unlabeled == [name for name in POOL if name not in best]
    assert f'the rarest class is in {best_rarest}\n' in log
    assert 'labeled.txt: 12 images, new' in log
    assert 'unlabeled.txt: 28 images, new' in log
    for label, count in counts(root, labeled).items():
        name = PascalVOCDataset.METAINFO['classes'][label]
        assert f'  {name:<16}{count:>5}\n' in log


def test_draw_depends_on_the_seed_and_on_nothing_else(root):
    draw(root)
    first = written(root)
    assert 'nothing to do' in draw(root)
    rewrite(root, 'train', TRAIN[::-1])
    assert 'nothing to do' in draw(root)
    other = DRAW[:-1] + (4, )
    log = draw(root, *other, ok=False)
    assert 'mine/labeled.txt: 12 images, replaces another list' in log
    assert 'nothing was written. --force overwrites it' in log
    assert written(root) == first
    assert 'wrote 2 files' in draw(root, *other, '--force')
    assert written(root) != first


def test_draw_with_other_classes_pool_and_masks(root):
    masks = root / 'Masks3'
    masks.mkdir()
    for i, name in enumerate(TRAIN):  # class 2 in three images alone
        mask = np.full((4, 4), 2 if i % 10 == 0 else i % 2, np.uint8)
        Image.fromarray(mask).save(masks / f'{name}.png')
    (root / 'names.txt').write_text('background\nsea horse\nrare\nnowhere\n')
    rewrite(root, 'more', POOL[20:])
    log = draw(root, *DRAW, '--masks', 'Masks3', '--classes',
               root / 'names.txt', '--pool', 'more', '--unlabeled', 'all')
    labeled, unlabeled = written(root)
    assert unlabeled == POOL[20:]
    assert {TRAIN[0], TRAIN[10], TRAIN[20]} <= set(labeled)
    assert f'  {"rare":<16}    3\n  {"nowhere":<16}    0\n' in log


def refuse_duplicate(root):
    rewrite(root, 'trainaug', [*POOL, POOL[5]])
    return f"trainaug.txt: '{POOL[5]}' stands there twice"


def refuse_val_in_pool(root):
    rewrite(root, 'val', [*VAL, POOL[35], POOL[36]])
    return f'2 of its images are also in val.txt, the first is {POOL[35]}'


def refuse_val_in_train(root):
    rewrite(root, 'train', [*TRAIN, VAL[1]])
    return f'train.txt: 1 of its images are also in val.txt, the first is ' \
           f'{VAL[1]}'


def refuse_missing_list(root):
    (root / LISTS / 'val.txt').unlink()
    return 'val.txt: no such file'


def refuse_empty_list(root):
    rewrite(root, 'train', [''])
    return 'train.txt: the list is empty'


def refuse_missing_image(root):
    (root / f'JPEGImages/{POOL[31]}.jpg').unlink()
    return 'trainaug.txt: 1 of 40 files are missing, the first is ' \
           f'{root}/JPEGImages/{POOL[31]}.jpg'


def refuse_missing_mask(root):
    (root / f'SegmentationClass/{TRAIN[4]}.png').unlink()
    return 'train.txt: 1 of 30 files are missing, the first is ' \
           f'{root}/SegmentationClass/{TRAIN[4]}.png'


def refuse_broken_mask(root):
    path = root / f'SegmentationClass/{TRAIN[4]}.png'
    path.write_bytes(path.read_bytes()[:60])
    return f'{path}: cannot be read'


def refuse_colour_mask(root):
    path = root / f'SegmentationClass/{TRAIN[4]}.png'
    Image.new('RGB', (4, 4)).save(path)
    return f'{path}: is a colour image'


def refuse_unknown_class(root):
    path = root / f'SegmentationClass/{TRAIN[4]}.png'
    Image.new('L', (4, 4), 21).save(path)
    return f'the mask of {TRAIN[4]} holds the value 21, but there are 21'


def refuse_masks_without_classes(root):
    for name in TRAIN:
        Image.new('L', (4, 4)).save(root / f'SegmentationClass/{name}.png')
    return 'no mask shows a foreground class'


@pytest.mark.parametrize('damage', [
    value for name, value in list(globals().items())
    if name.startswith('refuse_')
])
def test_draw_refuses_a_damaged_data_set(root, damage):
    message = damage(root)
    assert message in draw(root, ok=False)
    assert not (root / LISTS / 'pseudoseg').exists()


@pytest.mark.parametrize('args, message', [
    (('--num', 31), '--num 31: there are 30 images to draw from'),
    (('--num', 0), '--num 0: there are 30 images'),
    (('--candidates', 0), 'the candidates 1 or more'),
    (('--seed', -1), '--seed -1'),
    (('--name', '../x'), "'../x' must consist of letters"),
    (('--pool', 'train', '--num', 30), 'every image of the pool is labelled'),
])
def test_draw_refuses_arguments(root, args, message):
    assert message in draw(root, *DRAW, *args, ok=False)
    assert not (root / LISTS / 'pseudoseg').exists()


def test_help_and_missing_command(tmp_path):
    assert 'import' in tool(SCRIPT, '--help', cwd=tmp_path)
    assert 'COMMAND' in tool(SCRIPT, cwd=tmp_path, ok=False)
