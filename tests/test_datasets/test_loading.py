"""Blank maps, image-level labels, and masks or images that are wrong."""

import shutil

import mmengine.fileio as fileio
import numpy as np
import pytest
import torch
from conftest import tiny_dataset
from mmcv.transforms import Compose
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from mmseg_pseudoseg.datasets import (
    CheckAnnotations,
    ImageLabelsFromMask,
    LoadBlankAnnotations,
    SeededIndex,
)


def load_all(dataset, indices):
    """Some samples, each made twice for different random crops."""
    return [dataset[i] for i in indices for _ in range(2)]


def test_blank_map_is_all_valid_and_replaces_another():
    results = dict(
        img=np.zeros((5, 7, 3), np.uint8),
        gt_seg_map=np.full((5, 7), 3, np.uint8),
        seg_fields=['gt_seg_map', 'gt_edge_map'])
    results = LoadBlankAnnotations()(results)
    assert results['gt_seg_map'].shape == (5, 7)
    assert results['gt_seg_map'].dtype == np.uint8
    assert not results['gt_seg_map'].any()
    assert results['seg_fields'] == ['gt_seg_map']


FILL = [
    dict(type='Pad', size=(80, 80), pad_val=dict(img=0, seg=255)),
    dict(type='RandomRotate', prob=1., degree=(45, 45), seg_pad_val=255),
    dict(type='RandomCutOut', prob=1., n_holes=1, cutout_shape=(9, 9),
         seg_fill_in=255)]


@pytest.mark.parametrize('wrapped', [False, True])
@pytest.mark.parametrize('step', FILL, ids=lambda step: step['type'])
def test_filled_pixels_are_not_real(voc_root, step, wrapped):
    """A blank map before the step; behind it, an error."""
    if wrapped:
        step = dict(type='RandomChoice', transforms=[[step]])
    cfg = tiny_dataset(voc_root)
    steps = cfg['unlabeled']['pipeline']
    steps[-1]['strong'][1].pop('canvas')
    blank = [one['type'] for one in steps].index('LoadBlankAnnotations')
    steps.insert(blank + 1, step)
    sample = DATASETS.build(cfg)[4]['data_samples']['weak']
    assert set(sample.gt_sem_seg.data.unique().tolist()) == {0, 255}
    steps.insert(blank, steps.pop(blank + 1))
    with pytest.raises(ValueError, match=(
            r'unlabeled.pipeline: LoadBlankAnnotations behind \w+ .* Put it '
            'before')):
        DATASETS.build(cfg)


def test_where_the_blank_map_is_made_changes_no_sample(voc_root):
    """In front of the geometry, or behind it as the configs have it."""
    cfg = tiny_dataset(voc_root)
    late = DATASETS.build(cfg)
    steps = cfg['unlabeled']['pipeline']
    blank = [one['type'] for one in steps].index('LoadBlankAnnotations')
    assert blank > 1
    steps.insert(1, steps.pop(blank))
    early = DATASETS.build(cfg)
    for position in range(4, 24):
        one, other = (data[SeededIndex(position, 7)] for data in (late, early))
        for view in ('weak', 'strong'):
            assert torch.equal(one['inputs'][view], other['inputs'][view])
            assert torch.equal(one['data_samples'][view].gt_sem_seg.data,
                               other['data_samples'][view].gt_sem_seg.data)


def test_unlabelled_images_need_no_masks_on_disk(voc_root):
    dataset = DATASETS.build(tiny_dataset(voc_root))
    shutil.rmtree(voc_root / 'SegmentationClass')
    shutil.rmtree(voc_root / 'SegmentationClassAug')
    values = set()
    for sample in load_all(dataset, range(4, 24)):
        weak = sample['data_samples']['weak'].gt_sem_seg.data
        strong = sample['data_samples']['strong'].gt_sem_seg.data
        assert not weak.any()
        values |= set(strong.unique().tolist())
    assert values == {0, 255}
    with pytest.raises(FileNotFoundError):
        dataset[0]  # a labelled one


def test_no_mask_of_an_unlabelled_image_is_opened(voc_root, monkeypatch):
    dataset = DATASETS.build(tiny_dataset(voc_root))
    stock, opened = fileio.get, []

    def get(path, *args, **kwargs):
        opened.append(str(path))
        return stock(path, *args, **kwargs)

    monkeypatch.setattr(fileio, 'get', get)
    load_all(dataset, range(4, 24))
    assert len(opened) == 40
    assert all('SegmentationClass' not in path for path in opened)
    dataset[0]  # the watch sees what it should see
    assert 'SegmentationClassAug' in opened[-1]


def test_image_labels_are_the_classes_of_the_crop():
    rng = np.random.default_rng(0)
    for _ in range(50):
        present = rng.choice(21, 4, replace=False)
        mask = rng.choice([*present, 255], (9, 8)).astype(np.uint8)
        results = ImageLabelsFromMask(21)(dict(gt_seg_map=mask))
        labels = results['image_labels']
        assert labels.shape == (20, ) and labels.dtype == np.float32
        expected = set(mask.ravel().tolist()) - {0, 255}
        assert {i + 1 for i in np.flatnonzero(labels)} == expected
        assert set(labels.tolist()) <= {0., 1.}


def test_tags_from_the_mask_leave_no_mask_behind(voc_root):
    # The authors' protocol: crop with the mask, keep its classes alone.
    cfg = tiny_dataset(voc_root)
    steps = cfg['unlabeled']['pipeline']
    steps[1:1] = [dict(type='LoadAnnotations')]
    steps[-2:-2] = [dict(type='ImageLabelsFromMask', num_classes=21)]
    dataset = DATASETS.build(cfg)
    seen = set()
    for sample in load_all(dataset, range(4, 14)):
        for view, allowed in (('weak', {0}), ('strong', {0, 255})):
            packed = sample['data_samples'][view]
            assert set(packed.all_keys()) - set(packed.metainfo_keys()) == {
                'gt_sem_seg', 'image_labels'}
            assert set(packed.gt_sem_seg.data.unique().tolist()) == allowed
            for value in packed.metainfo.values():
                assert not isinstance(value, (np.ndarray, torch.Tensor))
            seen.add(tuple(packed.image_labels.tolist()))
    assert len(seen) > 5


def test_masks_of_the_data_set_pass_the_check(voc_root):
    dataset = DATASETS.build(tiny_dataset(voc_root))
    values = set()
    for sample in load_all(dataset, range(4)):
        mask = sample['data_samples']['labeled'].gt_sem_seg.data
        values |= set(mask.unique().tolist())
    assert {0, 1, 255} <= values


def write_mask(voc_root, mask, name='2007_000002'):
    """Replace a mask."""
    path = voc_root / 'SegmentationClassAug' / f'{name}.png'
    Image.fromarray(mask).save(path)
    return path


def test_mask_of_another_size_names_both_files(voc_root):
    write_mask(voc_root, np.zeros((48, 60), np.uint8))
    dataset = DATASETS.build(tiny_dataset(voc_root))
    with pytest.raises(ValueError, match='must be equal') as error:
        dataset[2]
    for word in ('2007_000002.png', '2007_000002.jpg', '(48, 60)', '(48, 64)'):
        assert word in str(error.value)


def test_a_mask_of_colours_is_called_so(voc_root):
    """Not "of another size": (48, 64, 3) is no height and width."""
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[:9] = 128, 0, 0
    path = write_mask(voc_root, mask)
    dataset = DATASETS.build(tiny_dataset(voc_root))
    with pytest.raises(ValueError, match=(
            rf'{path}: 3 channels, 2 colours, the last is \(128, 0, 0\): '
            'image with a mask of colours, not of class ids; turn each')):
        dataset[2]


@pytest.mark.parametrize('label', [21, 128, 254])
def test_label_outside_the_classes_names_file_and_label(voc_root, label):
    mask = np.zeros((48, 64), np.uint8)
    mask[47, 63] = label
    write_mask(voc_root, mask)
    dataset = DATASETS.build(tiny_dataset(voc_root))
    with pytest.raises(ValueError, match=rf'000002\.png.*label {label} .*21'):
        dataset[2]


def test_check_knows_other_class_counts_and_ignored_values():
    results = dict(
        img=np.zeros((2, 2, 3)), img_path='a.jpg', seg_map_path='a.png',
        gt_seg_map=np.array([[0, 6], [200, 1]], np.uint8))
    CheckAnnotations(7, ignore_index=200)(results)
    with pytest.raises(ValueError, match=r'a\.png: label 200'):
        CheckAnnotations(7)(results)
    with pytest.raises(ValueError, match=r'a\.png: label 6'):
        CheckAnnotations(6, ignore_index=200)(results)


@pytest.mark.parametrize('content', [b'not a photograph', b''])
def test_corrupt_image_names_the_file(voc_root, content):
    (voc_root / 'JPEGImages' / '2007_000005.jpg').write_bytes(content)
    dataset = DATASETS.build(tiny_dataset(voc_root))
    with pytest.raises(Exception, match=r'2007_000005\.jpg'):
        dataset[4 + 5]


def test_corrupt_mask_names_the_file(voc_root):
    path = voc_root / 'SegmentationClassAug' / '2007_000001.png'
    path.write_bytes(b'not a mask')
    dataset = DATASETS.build(tiny_dataset(voc_root))
    with pytest.raises(Exception, match=r'2007_000001\.png'):
        dataset[1]


@pytest.mark.parametrize('folder, index', [('JPEGImages', 1),
                                           ('JPEGImages', 5),
                                           ('SegmentationClassAug', 1)])
def test_missing_file_is_named(voc_root, folder, index):
    for path in (voc_root / folder).glob('2007_000001.*'):
        path.unlink()
    dataset = DATASETS.build(tiny_dataset(voc_root))
    with pytest.raises(FileNotFoundError, match=r'2007_000001\.'):
        dataset[index]


def test_packed_image_labels_are_the_ones_of_the_sample():
    labels = np.array([0, 1, 1], np.float32)
    results = dict(
        img=np.zeros((4, 4, 3), np.uint8),
        gt_seg_map=np.zeros((4, 4), np.uint8), image_labels=labels)
    pack = Compose([TRANSFORMS.build(dict(type='PackSemiInputs'))])
    sample = pack(results)['data_samples']
    assert sample.image_labels.tolist() == [0, 1, 1]
    assert 'image_labels' not in sample.metainfo
