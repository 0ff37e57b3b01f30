"""Files of predictions, and what the pictures show."""

from types import SimpleNamespace

import cv2
import mmcv
import numpy as np
import pytest
import torch
from conftest import write_scenes
from mmengine.structures import PixelData
from mmseg.registry import DATASETS, HOOKS
from mmseg.structures import SegDataSample
from PIL import Image

from mmseg_pseudoseg.engine.hooks.panel import BAR, GAP

COLOURS = [[0, 0, 0], [250, 40, 10], [20, 200, 90]]


@pytest.fixture()
def runner(tmp_path):
    """Two images of one name in two folders."""
    write_scenes(['a/1', 'b/1'], str(tmp_path / 'img/{}.jpg'), '', 3, 60)
    dataset = DATASETS.build(dict(
        type='BaseSegDataset',
        data_prefix=dict(img_path=str(tmp_path / 'img')),
        metainfo=dict(classes=('back', 'cat', 'dog'), palette=COLOURS)))
    return SimpleNamespace(test_dataloader=SimpleNamespace(dataset=dataset))


def sample(path, label, truth=None):
    """A prediction as the stock loop gives it, (1, H, W)."""
    done = SegDataSample(metainfo=dict(img_path=str(path)))
    done.pred_sem_seg = PixelData(data=torch.tensor(label)[None])
    if truth is not None:
        done.gt_sem_seg = PixelData(data=torch.tensor(truth)[None])
    return done


def label(seed, values=3, shape=(60, 80)):
    return np.random.default_rng(seed).integers(0, values, shape)


def run(runner, samples, **keys):
    hook = HOOKS.build(dict(type='SavePredictionsHook', **keys))
    hook.before_test(runner)
    hook.after_test_iter(runner, 0, None, samples)
    hook.after_test(runner)


def test_folders_and_values_of_the_masks(runner, tmp_path):
    labels = [label(0), label(1)]
    samples = [sample(tmp_path / f'img/{d}/1.jpg', one)
               for d, one in zip('ab', labels)]
    # With test-time augmentation, an axis less.
    samples[1].pred_sem_seg = PixelData(data=torch.tensor(labels[1]))
    run(runner, samples, mask_dir=str(tmp_path / 'out'))
    files = sorted(p.relative_to(tmp_path / 'out').as_posix()
                   for p in (tmp_path / 'out').rglob('*.*'))
    assert files == ['a/1.png', 'b/1.png']
    for folder, one in zip('ab', labels):
        with Image.open(tmp_path / 'out' / folder / '1.png') as image:
            assert image.mode == 'L'
            assert np.array_equal(np.asarray(image), one)


def test_stored_ids_and_many_classes(runner, tmp_path):
    """One more where the loader takes one off; 16 bits for 300 classes."""
    meta = runner.test_dataloader.dataset._metainfo
    meta.update(reduce_zero_label=True,
                classes=[f'c{k}' for k in range(300)],
                palette=[[k % 256, 0, 0] for k in range(255)])
    large = label(2, 300)
    run(runner, [sample(tmp_path / 'img/a/1.jpg', large)],
        mask_dir=str(tmp_path / 'out'))
    stored = mmcv.imread(tmp_path / 'out/a/1.png', 'unchanged')
    assert stored.dtype == np.uint16 and np.array_equal(stored, large + 1)


@pytest.mark.parametrize('opacity', [0.25, 1.0])
@pytest.mark.parametrize('masked', [True, False])
def test_pixels_of_a_picture(runner, tmp_path, opacity, masked):
    """Against a loop: colours over the photograph, 255 unpainted."""
    path, said, truth = tmp_path / 'img/b/1.jpg', label(0), label(1)
    truth[5:9] = 255
    hook = HOOKS.build(dict(type='SavePredictionsHook', opacity=opacity))
    hook.before_test(runner)
    picture = hook.draw(sample(path, said, truth if masked else None), said)
    image = cv2.imread(str(path))
    tiles = [truth, said] if masked else [said]
    for k, one in enumerate(tiles):
        left = k * (80 + 2 * GAP) + GAP
        found = picture[BAR:BAR + 60, left:left + 80]
        for y in range(0, 60, 3):
            for x in range(0, 80, 7):
                expected = image[y, x].astype(float)
                if one[y, x] != 255:
                    colour = COLOURS[one[y, x]][::-1]
                    expected = (1 - opacity) * expected + opacity * np.array(
                        colour)
                assert np.abs(found[y, x] - expected).max() <= 0.51
    assert picture.shape[1] >= 160
    # The legend has the colours of the classes, the title none.
    low = picture[BAR + 60 + GAP:]
    for colour in COLOURS:
        assert (low == np.array(colour[::-1])).all(-1).any()


def test_pictures_keep_folders_and_names(runner, tmp_path):
    run(runner, [sample(tmp_path / f'img/{d}/1.jpg', label(0), label(0)[:9])
                 for d in 'ab'], picture_dir=str(tmp_path / 'show'))
    files = sorted(p.relative_to(tmp_path / 'show').as_posix()
                   for p in (tmp_path / 'show').rglob('*.*'))
    assert files == ['a/1.jpg', 'b/1.jpg']
    # A mask of another size is not shown.
    assert mmcv.imread(tmp_path / 'show/a/1.jpg').shape[1] == 160


def test_what_is_no_picture(runner, tmp_path):
    hook = HOOKS.build(dict(type='SavePredictionsHook', picture_dir='x'))
    hook.before_test(runner)
    (tmp_path / 'img/a/1.jpg').write_bytes(b'12345')
    with pytest.raises(ValueError, match='a/1.jpg cannot be shown'):
        hook.draw(sample(tmp_path / 'img/a/1.jpg', label(0)), label(0))


@pytest.mark.parametrize('opacity', [0, 1.1])
def test_opacity_out_of_range(opacity):
    with pytest.raises(ValueError, match='opacity'):
        HOOKS.build(dict(type='SavePredictionsHook', opacity=opacity))
