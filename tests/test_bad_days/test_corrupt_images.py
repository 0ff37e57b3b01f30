"""Damaged images: named, counted over all workers, skipped up to a limit."""

import gc
import pickle
import warnings

import numpy as np
import pytest
import torch
from conftest import ROOT, tiny_dataset, tiny_run
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from mmseg_pseudoseg.datasets import SeededIndex
from mmseg_pseudoseg.datasets.corrupt_images import DamagedFileError

JUNK = b'\x80\x04no image' * 40


@pytest.fixture(autouse=True)
def _no_collection(monkeypatch):
    """A data set collects garbage when it is built, half a second here."""
    monkeypatch.setattr(gc, 'collect', lambda: 0)


def damage(voc_root, *numbers, content=JUNK):
    """Overwrite images; returns their paths."""
    paths = [voc_root / f'JPEGImages/2007_{i:06d}.jpg' for i in numbers]
    for path in paths:
        path.write_bytes(content)
    return [str(path) for path in paths]


def build(voc_root, **kwargs):
    """The toy data set: 4 labelled images, the same and 16 others without."""
    return DATASETS.build(tiny_dataset(voc_root, **kwargs))


def path_of(sample):
    """Where a sample comes from."""
    return next(iter(sample['data_samples'].values())).img_path


def quietly(dataset, *index):
    """A sample, warned of or not."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return dataset[SeededIndex(*index)]


@pytest.mark.parametrize('content', [b'', JUNK, b'\xff\xd8\xff\xe0\x00\x10JF'])
def test_the_first_one_stops_the_run_unless_told_otherwise(voc_root, content):
    path, = damage(voc_root, 1, content=content)
    dataset = build(voc_root)
    for index in (1, SeededIndex(1, 7), SeededIndex(5, 7)):
        with pytest.raises(DamagedFileError) as error:
            dataset[index]
        assert str(error.value).startswith(f'{path}: ')
        assert ': image that is damaged and ' in str(error.value)
        assert 'max_corrupt' in str(error.value)


@pytest.mark.parametrize('position, part', [(2, range(4)),
                                            (4 + 2, range(20))])
def test_another_image_of_the_same_list_takes_its_place(voc_root, position,
                                                        part):
    path, = damage(voc_root, 2)
    healthy = {str(voc_root / f'JPEGImages/2007_{i:06d}.jpg')
               for i in part} - {path}
    views = ['labeled'] if position < 4 else ['weak', 'strong']
    drawn = set()
    for seed in range(12):
        dataset = build(voc_root, max_corrupt=1)
        with pytest.warns(UserWarning, match=f'{path}: .* damaged.*1 of at'):
            sample = dataset[SeededIndex(position, seed)]
        assert list(sample['inputs']) == views
        assert path_of(sample) in healthy
        drawn.add(path_of(sample))
        # The same whatever was loaded before, as after a resume.
        other = build(voc_root, max_corrupt=1)
        quietly(other, position, 99)
        again = quietly(other, position, seed)
        assert path_of(again) == path_of(sample)
        for view in views:
            assert torch.equal(again['inputs'][view], sample['inputs'][view])
    assert len(drawn) >= min(3, len(healthy) - 1)


def test_a_file_is_warned_of_and_counted_once(voc_root):
    damage(voc_root, 2, 9)
    dataset = build(voc_root, max_corrupt=2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        for seed in range(3):
            dataset[SeededIndex(4 + 9, seed)]
            dataset[SeededIndex(4 + 2, seed)]
    assert len(caught) == 2
    assert dataset.corrupt.flags.nonzero().flatten().tolist() == [6, 13]


def test_beyond_the_limit_the_run_stops_with_all_their_names(voc_root):
    paths = damage(voc_root, 5, 9, 14)
    dataset = build(voc_root, max_corrupt=2)
    quietly(dataset, 4 + 9, 0)
    quietly(dataset, 4 + 14, 0)
    with pytest.raises(DamagedFileError, match='3 images that') as error:
        quietly(dataset, 4 + 5, 0)
    assert ', '.join(paths) in str(error.value)
    assert 'max_corrupt is 2' in str(error.value)


def test_workers_share_the_count_and_change_no_batch(voc_root, tmp_path):
    paths = damage(voc_root, 5, 9, 14)
    batches = {}
    for num_workers in (0, 2):
        cfg = tiny_run(voc_root, tmp_path, num_workers=num_workers)
        loader_cfg = cfg['train_dataloader']
        loader_cfg['dataset']['max_corrupt'] = 3
        loader = Runner.build_dataloader(loader_cfg, seed=5)
        iterator = iter(loader)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            batches[num_workers] = [next(iterator) for _ in range(10)]
        # 20 of 20 unlabelled images were drawn; the parent sees the flags.
        assert loader.dataset.corrupt.flags.nonzero().flatten().tolist() == [
            4 + 5, 4 + 9, 4 + 14]
    for one, other in zip(batches[0], batches[2]):
        for view, images in one['inputs'].items():
            assert torch.equal(images, other['inputs'][view])

    loader_cfg['dataset']['max_corrupt'] = 2
    iterator = iter(Runner.build_dataloader(loader_cfg, seed=5))
    with pytest.raises(DamagedFileError) as error, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        for _ in range(10):
            next(iterator)
    assert all(path in str(error.value) for path in paths)


def test_a_damaged_mask_counts_as_well(voc_root):
    mask = voc_root / 'SegmentationClassAug/2007_000001.png'
    mask.write_bytes(mask.read_bytes()[:60])
    with pytest.raises(DamagedFileError, match=f'{mask}: .* damaged'):
        build(voc_root)[SeededIndex(1, 0)]
    with pytest.warns(UserWarning, match=f'{mask}: .* damaged'):
        sample = build(voc_root, max_corrupt=1)[SeededIndex(1, 0)]
    assert not path_of(sample).endswith('2007_000001.jpg')
    # Without a mask in the pipeline the same image serves.
    assert path_of(build(voc_root)[4 + 1]).endswith('2007_000001.jpg')


def test_a_whole_file_is_not_called_damaged(voc_root):
    """A float TIFF, an HTML page: told what they are, and counted."""
    for content, text in ((None, 'TIFF, mode F, 32 bits, floating point: '
                           'image of a format that the loader cannot read'),
                          (b'<html>404</html>', 'web page: image that is no')):
        path, = damage(voc_root, 1, content=content or b'')
        if content is None:
            Image.fromarray(np.zeros((48, 64), np.float32)).save(path, 'TIFF')
        with pytest.raises(DamagedFileError) as error:
            build(voc_root)[SeededIndex(1, 0)]
        assert str(error.value).startswith(f'{path}: {text}')
        assert 'damaged' not in str(error.value)
        with pytest.warns(UserWarning, match=text):
            build(voc_root, max_corrupt=1)[SeededIndex(1, 0)]


@TRANSFORMS.register_module()
class Mistake(BaseTransform):
    """A step that fails, or loses the sample, whatever the image is."""

    def __init__(self, silent):
        self.silent = silent

    def transform(self, results):
        """Fail."""
        return None if self.silent else results['no such key']


def test_other_mistakes_stop_whatever_the_limit(voc_root):
    (voc_root / 'JPEGImages/2007_000000.jpg').unlink()
    with pytest.raises(FileNotFoundError, match='2007_000000'):
        build(voc_root, max_corrupt=9)[SeededIndex(0, 0)]
    for silent, text in ((True, 'gave None'), (False, 'no such key')):
        cfg = tiny_dataset(voc_root, max_corrupt=9)
        cfg['labeled']['pipeline'].insert(2, dict(type='Mistake',
                                                  silent=silent))
        with pytest.raises(ValueError, match=text) as error:
            DATASETS.build(cfg)[SeededIndex(1, 0)]
        assert '2007_000001.jpg' in str(error.value)
        assert not isinstance(error.value, DamagedFileError)


def test_a_list_without_one_good_image_ends(voc_root):
    damage(voc_root, *range(4))
    with pytest.raises(DamagedFileError, match=r'no image of .*labeled\.txt'):
        quietly(build(voc_root, max_corrupt=4), 0, 0)


def test_a_negative_limit_is_refused(voc_root):
    with pytest.raises(ValueError, match='max_corrupt must be 0 or more'):
        build(voc_root, max_corrupt=-1)


def test_the_data_set_can_be_sent_to_spawned_workers(voc_root):
    dataset = pickle.loads(pickle.dumps(build(voc_root, max_corrupt=1)))
    assert path_of(dataset[4]).endswith('2007_000000.jpg')


def test_the_config_with_120000_downloaded_images_allows_some():
    allowed = {
        path.stem: Config.fromfile(path).train_dataloader.dataset.get(
            'max_corrupt', 0)
        for name in ('highdata_coco*.py', 'voc_1_8.py')
        for path in (ROOT / 'configs' / 'pseudoseg').glob(name)
    }
    assert len(allowed) == 5 and allowed.pop('voc_1_8') == 0
    assert all(0 < limit < 0.001 * 120000 for limit in allowed.values())
