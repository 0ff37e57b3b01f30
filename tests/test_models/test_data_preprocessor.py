"""Each view is preprocessed as the stock class does it."""

import copy

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor
from mmseg.structures import SegDataSample

from mmseg_pseudoseg.models import MultiBranchDataPreprocessor

ARGS = dict(mean=[120., 110., 100.], std=[50., 60., 70.], bgr_to_rgb=True,
            seg_pad_val=255)
SIZES = {'labeled': [(9, 12), (16, 7)], 'weak': [(5, 5)],
         'strong': [(16, 16), (3, 9), (8, 8)]}


def views():
    """uint8 images of many sizes; the weak one has tags."""
    draw = torch.Generator().manual_seed(0)
    inputs, samples = {}, {}
    for view, sizes in SIZES.items():
        inputs[view] = [
            torch.randint(0, 256, (3, *size), generator=draw,
                          dtype=torch.uint8) for size in sizes]
        samples[view] = []
        for size in sizes:
            mask = torch.randint(0, 5, (1, *size), generator=draw)
            one = SegDataSample(gt_sem_seg=PixelData(data=mask))
            one.set_metainfo(dict(img_shape=size))
            if view == 'weak':
                one.set_data(dict(image_labels=torch.tensor([0., 1., 1.])))
            samples[view].append(one)
    return dict(inputs=inputs, data_samples=samples)


@pytest.mark.parametrize('dtype', [torch.int64, torch.uint8])
def test_each_view_equals_the_stock_preprocessor(dtype):
    """Whatever the type of the packed maps; the stock one gets int64."""
    data = views()
    narrow = copy.deepcopy(data)
    for samples in narrow['data_samples'].values():
        for one in samples:
            one.gt_sem_seg.data = one.gt_sem_seg.data.to(dtype)
    ours = MultiBranchDataPreprocessor(size=(16, 16), **ARGS)
    stock = SegDataPreProcessor(size=(16, 16), **ARGS)
    found = ours(narrow, training=True)
    for key in ('inputs', 'data_samples'):
        assert list(found[key]) == list(SIZES)
    for view, sizes in SIZES.items():
        one = stock(dict(
            inputs=data['inputs'][view],
            data_samples=copy.deepcopy(data['data_samples'][view])), True)
        assert found['inputs'][view].shape == (len(sizes), 3, 16, 16)
        assert torch.equal(found['inputs'][view], one['inputs'])
        for mine, other, size in zip(found['data_samples'][view],
                                     one['data_samples'], sizes):
            mask = mine.gt_sem_seg.data
            assert mask.dtype == torch.int64
            assert torch.equal(mask, other.gt_sem_seg.data)
            real = torch.zeros(16, 16, dtype=torch.bool)
            real[:size[0], :size[1]] = True
            assert torch.equal(mask[0] != 255, real)
    assert found['data_samples']['weak'][0].image_labels.tolist() == [0, 1, 1]


def test_a_batch_can_be_preprocessed_twice():
    """Normalising in place does not reach the loader's tensors."""
    data = views()
    made = MultiBranchDataPreprocessor(size=(16, 16), **ARGS)
    data['inputs']['weak'][0] = data['inputs']['weak'][0].float()
    before = copy.deepcopy(data['inputs'])
    once, twice = (made(dict(data, data_samples=views()['data_samples']),
                        True)['inputs'] for _ in range(2))
    for view in SIZES:
        assert torch.equal(once[view], twice[view])
        assert all(map(torch.equal, data['inputs'][view], before[view]))


def test_batch_augments_get_each_view():
    seen = []
    made = MultiBranchDataPreprocessor(
        size=(16, 16), batch_augments=lambda inputs, samples: (
            seen.append(tuple(inputs.shape)), (inputs + 1, samples))[1],
        **ARGS)
    plain = MultiBranchDataPreprocessor(size=(16, 16), **ARGS)
    one, other = made(views(), True), plain(views(), True)
    assert [shape[0] for shape in seen] == [len(s) for s in SIZES.values()]
    for view in SIZES:
        assert torch.equal(one['inputs'][view], other['inputs'][view] + 1)


def test_padding_is_the_mean_colour():
    found = MultiBranchDataPreprocessor(size=(16, 16), **ARGS)(views(), True)
    image = found['inputs']['labeled'][0]
    assert image[:, 9:].eq(0).all() and image[:, :, 12:].eq(0).all()
    first = views()['inputs']['labeled'][0]
    expected = (float(first[2, 0, 0]) - 120) / 50  # red first
    assert image[0, 0, 0].item() == pytest.approx(expected)


@pytest.mark.parametrize('test_cfg', [None, dict(size_divisor=8)])
def test_test_batches_pass_as_in_stock(test_cfg):
    data = dict(inputs=views()['inputs']['labeled'][:1],
                data_samples=views()['data_samples']['labeled'][:1])
    made = [cls(size=(16, 16), test_cfg=test_cfg, **ARGS)(copy.deepcopy(data))
            for cls in (MultiBranchDataPreprocessor, SegDataPreProcessor)]
    assert torch.equal(made[0]['inputs'], made[1]['inputs'])
    assert made[0]['inputs'].shape[2:] == ((16, 16) if test_cfg else (9, 12))
    for one, other in zip(*(m['data_samples'] for m in made)):
        assert one.metainfo == other.metainfo


def test_everything_moves_to_the_device():
    made = MultiBranchDataPreprocessor(size=(16, 16), **ARGS).to('meta')
    found = made(views(), True)
    for view, samples in found['data_samples'].items():
        assert found['inputs'][view].is_meta
        assert all(s.gt_sem_seg.data.is_meta for s in samples)
    assert found['data_samples']['weak'][0].image_labels.is_meta
