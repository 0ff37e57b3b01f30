"""Masks of unlabelled images: cropped as the image, opened when allowed."""

import itertools

import mmcv
import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from mmseg.datasets import LoadAnnotations
from PIL import Image

from mmseg_pseudoseg.datasets.collate import packed_images
from mmseg_pseudoseg.engine.hooks.hidden_masks import HiddenMasks

SIZE = (32, 24)


@pytest.fixture()
def folder(tmp_path):
    """Images whose grey is 10 times the class of the mask, 23 to 28 high."""
    rng = np.random.default_rng(0)
    for name in ('img', 'seg'):
        (tmp_path / name).mkdir()
    for k in range(9):
        mask = rng.integers(0, 5, (20 + k, 28), dtype=np.uint8)
        Image.fromarray(mask).save(tmp_path / f'seg/{k}.png')
        mmcv.imwrite(np.repeat(10 * mask[..., None], 3, 2),
                     str(tmp_path / f'img/{k}.png'))
    (tmp_path / 'labeled.txt').write_text('0\n1\n2\n')
    (tmp_path / 'unlabeled.txt').write_text('3\n4\n5\n6\n7\n8\n')
    return tmp_path


def loader(folder, steps, tags=False, stock=False, masks='seg', early=False):
    """A data loader of 1 + 2 images, without a Runner."""
    read, blank = (dict(type=f'Load{x}Annotations') for x in ('', 'Blank'))
    pack = [dict(type='PackSemiInputs')]
    strong = [dict(type='ColorJitter'), dict(type='CutOut', size=9), *pack]
    image = [dict(type='LoadImageFromFile')]
    unlabeled = [*image, blank, *steps] if early else [*image, *steps, blank]
    if tags:
        unlabeled = [*image, read, *steps,
                     dict(type='ImageLabelsFromMask', num_classes=5), blank]
    part = dict(
        type='BaseSegDataset', data_root=str(folder), img_suffix='.png',
        seg_map_suffix='.png', metainfo=dict(classes=tuple('abcde')))
    dataset = dict(
        type='SemiDataset',
        labeled=dict(
            part, ann_file='labeled.txt',
            data_prefix=dict(img_path='img', seg_map_path='seg'),
            pipeline=[*image, read, *steps,
                      dict(type='MultiBranch', labeled=pack)]),
        unlabeled=dict(
            part, ann_file='unlabeled.txt',
            data_prefix=dict(img_path='img', seg_map_path=masks),
            pipeline=[*unlabeled,
                      dict(type='MultiBranch', weak=pack, strong=strong)]))
    batches = dict(type='MultiSourceBatchSampler',
                   source_ratio=dict(labeled=1, unlabeled=2))
    if stock:
        batches = None
    return Runner.build_dataloader(dict(
        dataset=dataset, batch_size=3, num_workers=0,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        batch_sampler=batches,
        collate_fn=dict(type='multi_branch_collate')), seed=3)


CROP = dict(type='RandomCrop', crop_size=(25, 16))
FLIP = dict(type='RandomFlip', prob=0.5)
RESIZE = dict(type='RandomResize', scale=(30, 30), ratio_range=(0.5, 2.0),
              keep_ratio=True)


@pytest.mark.parametrize('options', [
    {}, dict(early=True), dict(tags=True)], ids=str)
def test_masks_lie_on_their_images_at_every_iteration(folder, options):
    data = loader(folder, [CROP, FLIP], **options)
    masks = HiddenMasks(data, 'AHook')
    seen = set()
    for k, batch in enumerate(itertools.islice(data, 6)):
        found = masks.read(k, batch, SIZE)
        views = packed_images(batch, 'weak')
        assert found.shape == (2, *SIZE) and found.dtype == torch.int64
        for mask, view in zip(found, views):
            height, width = view.shape[1:]
            assert torch.equal(10 * mask[:height, :width], view[0].long())
            assert (mask[height:] == 255).all()
            assert (mask[:, width:] == 255).all()
            seen.add(height)
    assert len(seen) > 1


def test_random_sizes_are_repeated_and_no_other_sample_is_disturbed(folder):
    plain = list(itertools.islice(loader(folder, [RESIZE, CROP, FLIP]), 4))
    data = loader(folder, [RESIZE, CROP, FLIP])
    masks = HiddenMasks(data, 'AHook')
    for k, (batch, other) in enumerate(zip(data, plain)):
        state = np.random.get_state()[1].copy(), torch.get_rng_state()
        masks.read(k, batch, (48, 48))
        assert np.array_equal(np.random.get_state()[1], state[0])
        assert torch.equal(torch.get_rng_state(), state[1])
        for view in ('weak', 'strong', 'labeled'):
            assert torch.equal(batch['inputs'][view], other['inputs'][view])
        blank = batch['maps']['weak']['gt_sem_seg']
        assert set(blank.unique().tolist()) <= {0, 255}
        for mask, view in zip(blank, packed_images(batch, 'weak')):
            assert not mask[0, :view.shape[1], :view.shape[2]].any()


def test_the_batch_of_another_iteration_is_refused(folder):
    data = loader(folder, [CROP])
    batch = next(iter(data))
    with pytest.raises(ValueError, match=(
            r'AHook with hidden_masks=True cannot repeat the crop.*'
            r'cat_max_ratio.*hidden_masks=False')):
        HiddenMasks(data, 'AHook').read(1, batch, SIZE)


def test_a_crop_that_looks_at_the_mask_is_refused(folder):
    data = loader(folder, [dict(CROP, cat_max_ratio=0.9), FLIP], early=True)
    masks = HiddenMasks(data, 'AHook')
    with pytest.raises(ValueError, match='cannot repeat the crop'):
        for k, batch in enumerate(itertools.islice(data, 6)):
            masks.read(k, batch, SIZE)


@pytest.mark.parametrize('where', ['nowhere', ''])
def test_missing_masks_are_named(folder, where):
    data = loader(folder, [CROP], masks=where)
    with pytest.raises(ValueError, match=(
            r'(?s)AHook with hidden_masks=True: .*\.png.*data_prefix\.'
            'seg_map_path.*hidden_masks=False')):
        HiddenMasks(data, 'AHook').read(0, next(iter(data)), SIZE)


def test_another_batch_sampler_is_refused(folder):
    with pytest.raises(TypeError, match=(
            'AHook.*MultiSourceBatchSampler, not BatchSampler')):
        HiddenMasks(loader(folder, [CROP], stock=True), 'AHook')


def test_training_itself_opens_no_mask(folder, monkeypatch):
    opened = []
    stock = LoadAnnotations._load_seg_map

    def load(self, results):
        opened.append(results['seg_map_path'])
        return stock(self, results)

    monkeypatch.setattr(LoadAnnotations, '_load_seg_map', load)
    data = loader(folder, [CROP])
    batch = next(iter(data))
    assert len(opened) == 1
    HiddenMasks(data, 'AHook').read(0, batch, SIZE)
    assert len(opened) == 3
