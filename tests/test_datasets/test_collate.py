"""Batches: views by name, stacked, and what a loader makes of them."""

import copy
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import tiny_run
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from mmseg.structures import SegDataSample
from torch.utils.data._utils.pin_memory import pin_memory

from mmseg_pseudoseg.datasets import MultiBranch, multi_branch_collate
from mmseg_pseudoseg.datasets.collate import packed_images

SIZES = [(12, 15), (9, 15), (12, 4)]
PACK = dict(type='PackSemiInputs')
CUT = dict(type='CutOut', size=3)


def packed(views, sizes=SIZES, tags=True):
    """Samples of noise, as a dataset gives them."""
    rng = np.random.default_rng(len(views))
    made = []
    for k, size in enumerate(sizes):
        results = dict(
            img=rng.integers(0, 256, (*size, 3), dtype=np.uint8),
            gt_seg_map=rng.integers(0, 21, size, dtype=np.uint8),
            seg_fields=['gt_seg_map'], img_path=f'{k}.jpg', img_shape=(1, 1))
        if tags:
            results['image_labels'] = rng.random(20).astype(np.float32)
        made.append(MultiBranch(**views)(results))
    return made


@pytest.mark.parametrize('sizes', [SIZES, SIZES[:1] * 3, SIZES[:1]])
def test_each_view_is_a_stack(sizes):
    labelled = packed(dict(labeled=[PACK]), sizes, tags=False)
    unlabelled = packed(dict(weak=[PACK], strong=[CUT, PACK]), sizes)
    batch = multi_branch_collate([*labelled, *unlabelled])
    assert sorted(batch) == ['data_samples', 'inputs', 'maps', 'tensors']
    height, width = (max(size[k] for size in sizes) for k in (0, 1))
    for view, source in (('labeled', labelled), ('weak', unlabelled),
                         ('strong', unlabelled)):
        stack, maps = batch['inputs'][view], batch['maps'][view]
        assert list(maps) == ['gt_sem_seg']
        assert stack.shape == (len(sizes), 3, height, width)
        assert stack.dtype == maps['gt_sem_seg'].dtype == torch.uint8
        images = packed_images(batch, view)
        for k, (one, (h, w)) in enumerate(zip(source, sizes, strict=True)):
            sample = one['data_samples'][view]
            assert torch.equal(images[k], one['inputs'][view])
            mask = maps['gt_sem_seg'][k]
            assert torch.equal(mask[:, :h, :w], sample.gt_sem_seg.data)
            assert (mask[:, h:] == 255).all() and (mask[:, :, w:] == 255).all()
            bare = batch['data_samples'][view][k]
            assert type(bare) is SegDataSample and bare.keys() == []
            assert bare.metainfo == {**sample.metainfo, 'img_shape': (h, w)}
            assert len(bare.get('erased_boxes', ())) == (view == 'strong')
            if view != 'labeled':
                assert torch.equal(batch['tensors'][view]['image_labels'][k],
                                   sample.image_labels)
    assert batch['tensors']['labeled'] == {}


def test_collating_leaves_the_samples_as_they_are():
    data = packed(dict(weak=[PACK]))
    one, two = (multi_branch_collate(data) for _ in range(2))
    assert torch.equal(one['inputs']['weak'], two['inputs']['weak'])
    assert all('gt_sem_seg' in d['data_samples']['weak'] for d in data)
    assert data[0]['data_samples']['weak'].img_shape == (1, 1)


def test_every_map_and_tensor_is_stacked():
    """Edge and depth maps of stock pipelines too."""
    sample = SegDataSample(gt_sem_seg=PixelData(
        data=torch.ones(1, 4, 5, dtype=torch.uint8)))
    sample.set_data(dict(
        gt_depth_map=PixelData(data=torch.rand(1, 4, 5)),
        weights=torch.rand(2)))
    batch = multi_branch_collate([dict(
        inputs=dict(labeled=torch.zeros(3, 4, 5)),
        data_samples=dict(labeled=sample))] * 2)
    assert batch['inputs']['labeled'].dtype == torch.float32
    assert sorted(batch['maps']['labeled']) == ['gt_depth_map', 'gt_sem_seg']
    assert torch.equal(batch['maps']['labeled']['gt_depth_map'][1],
                       sample.gt_depth_map.data)
    assert torch.equal(batch['tensors']['labeled']['weights'][1],
                       sample.weights)


@pytest.mark.parametrize('fields, words', [
    (dict(), r"different fields.*'gt_sem_seg'"),
    (dict(gt_sem_seg=PixelData(data=torch.ones(1, 4, 5)), a=InstanceData()),
     'a of the data samples is a InstanceData')])
def test_what_cannot_be_stacked_is_named(fields, words):
    samples = [SegDataSample(
        gt_sem_seg=PixelData(data=torch.ones(1, 4, 5))), SegDataSample()]
    samples[1].set_data(fields)
    if fields:
        samples[0].set_data(dict(a=InstanceData()))
    with pytest.raises(ValueError, match=words):
        multi_branch_collate([
            dict(inputs=dict(weak=torch.zeros(3, 4, 5)),
                 data_samples=dict(weak=sample)) for sample in samples])


def leaves(node):
    """Every tensor below a batch, those of samples too."""
    if isinstance(node, torch.Tensor):
        yield node
    elif isinstance(node, BaseDataElement):
        yield from leaves(list(node.all_values()))
    elif isinstance(node, dict):
        yield from leaves(list(node.values()))
    elif isinstance(node, (list, tuple)):
        for one in node:
            yield from leaves(one)


def test_few_tensors_are_handed_over_and_all_can_be_pinned(monkeypatch):
    """However many images: two a view, and its image-level labels."""
    labelled = packed(dict(labeled=[PACK]), SIZES * 4, tags=False)
    unlabelled = packed(dict(weak=[PACK], strong=[CUT, PACK]), SIZES * 4)
    batch = multi_branch_collate([*labelled, *unlabelled])
    pinned = []
    monkeypatch.setattr(torch.Tensor, 'pin_memory', lambda self: (
        pinned.append(self.data_ptr()), self.clone())[1])
    copied = pin_memory(batch)
    assert len(pinned) == 3 * 2 + 2
    assert sorted(pinned) == sorted(t.data_ptr() for t in leaves(batch))
    assert all(map(torch.equal, leaves(copied), leaves(batch)))
    for view, samples in batch['data_samples'].items():
        for one, other in zip(copied['data_samples'][view], samples):
            assert one.metainfo == other.metainfo


@pytest.mark.parametrize('persistent', [False, True])
def test_workers_hand_over_the_batches_of_one_process(voc_root, tmp_path,
                                                      persistent):
    found = []
    for workers in (0, 2):
        cfg = tiny_run(voc_root, tmp_path, num_workers=workers)
        loader = Runner.build_dataloader(dict(
            cfg['train_dataloader'],
            persistent_workers=persistent and workers > 0), seed=1)
        found.append([copy.deepcopy(b) for b in itertools.islice(loader, 3)])
    for one, other in zip(*found, strict=True):
        assert all(map(torch.equal, leaves(one), leaves(other)))
        for view, samples in one['data_samples'].items():
            assert [s.metainfo for s in samples] == [
                s.metainfo for s in other['data_samples'][view]]


def test_a_stack_is_written_into_the_memory_that_a_worker_shares(monkeypatch):
    """Handing it over copies nothing."""
    monkeypatch.setattr('torch.utils.data.get_worker_info',
                        lambda: SimpleNamespace(id=0))
    batch = multi_branch_collate(packed(dict(weak=[PACK])))
    assert batch['inputs']['weak'].is_shared()
    assert batch['maps']['weak']['gt_sem_seg'].is_shared()
