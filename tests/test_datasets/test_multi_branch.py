"""Views of one image, and batches of them."""

import numpy as np
import pytest
import torch
from conftest import tiny_dataset
from mmcv.transforms import Compose
from mmseg.registry import DATASETS

from mmseg_pseudoseg.datasets import MultiBranch, SeededIndex

PACK = dict(type='PackSemiInputs')


def results():
    """A loaded image with its map."""
    rng = np.random.default_rng(0)
    return dict(
        img=rng.integers(0, 256, (12, 15, 3), dtype=np.uint8),
        gt_seg_map=np.zeros((12, 15), np.uint8), seg_fields=['gt_seg_map'],
        img_path='a.jpg', img_shape=(12, 15), ori_shape=(12, 15))


def test_without_distortion_the_views_are_equal():
    packed = MultiBranch(weak=[PACK], strong=[PACK])(results())
    expected = torch.from_numpy(results()['img']).permute(2, 0, 1)
    for view in ('weak', 'strong'):
        assert torch.equal(packed['inputs'][view], expected)
        sample = packed['data_samples'][view]
        assert sample.gt_sem_seg.data.shape == (1, 12, 15)
        assert sample.gt_sem_seg.data.dtype == torch.uint8
    packed['inputs']['weak'].zero_()  # two tensors, not one
    assert torch.equal(packed['inputs']['strong'], expected)


def test_a_view_never_sees_what_another_did():
    """Each starts from the image, in whatever order they stand."""
    strong = [dict(type='CutOut', size=30), PACK]
    for views in (dict(weak=[PACK], strong=strong, third=[PACK]),
                  dict(strong=strong, weak=[PACK], third=[PACK])):
        packed = MultiBranch(**views)(results())
        for view in ('weak', 'third'):
            plain = MultiBranch(only=[PACK])(results())
            assert torch.equal(packed['inputs'][view], plain['inputs']['only'])
            assert not packed['data_samples'][view].gt_sem_seg.data.any()
        assert (packed['data_samples']['strong'].gt_sem_seg.data == 255).all()


@pytest.mark.parametrize('channels', [1, 3, 4])
def test_what_is_packed_shares_no_memory(channels):
    one = dict(results(), img=np.ones((12, 15, channels), np.uint8))
    packed = Compose([PACK])(one)
    one['img'][:], one['gt_seg_map'][:] = 9, 9
    assert packed['inputs'].shape == (channels, 12, 15)
    assert (packed['inputs'] == 1).all()
    assert not packed['data_samples'].gt_sem_seg.data.any()


def test_the_views_of_the_real_pipeline_share_their_geometry(voc_root):
    cfg = tiny_dataset(voc_root)
    jitter = cfg['unlabeled']['pipeline'][-1]['strong'][0]
    jitter['strength'] = 0
    dataset = DATASETS.build(cfg)
    shapes, seen = set(), set()
    for seed in range(30):
        sample = dataset[SeededIndex(4 + seed % 20, seed)]
        weak, strong = (sample['inputs'][v] for v in ('weak', 'strong'))
        masks = [sample['data_samples'][v].gt_sem_seg.data[0]
                 for v in ('weak', 'strong')]
        cut = masks[1] == 255
        assert not masks[0].any()
        seen.add(bool(cut.any()))
        assert torch.equal(weak[:, ~cut], strong[:, ~cut])
        assert not strong[:, cut].any()
        meta = [sample['data_samples'][v].metainfo for v in
                ('weak', 'strong')]
        assert len(meta[1].pop('erased_boxes')) == 1
        assert meta[0] == meta[1]
        shapes.add((tuple(weak.shape), meta[0]['flip']))
    assert len(shapes) > 3 and True in seen  # the geometry did vary


def test_jitter_reaches_the_strong_view_alone(voc_root):
    plain = DATASETS.build(tiny_dataset(voc_root))
    cfg = tiny_dataset(voc_root)
    cfg['unlabeled']['pipeline'][-1]['strong'] = [PACK]
    bare = DATASETS.build(cfg)
    for seed in range(5):
        one, two = plain[SeededIndex(9, seed)], bare[SeededIndex(9, seed)]
        assert torch.equal(one['inputs']['weak'], two['inputs']['weak'])
        assert torch.equal(two['inputs']['weak'], two['inputs']['strong'])
        assert not torch.equal(one['inputs']['weak'],
                               one['inputs']['strong'])


def test_views_keep_the_names_of_the_config():
    steps = Compose([dict(type='MultiBranch', a=[PACK], b_2=[PACK])])
    packed = steps(results())
    assert list(packed) == ['inputs', 'data_samples']
    assert list(packed['inputs']) == list(packed['data_samples']) == [
        'a', 'b_2']
