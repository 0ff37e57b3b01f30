"""Each view is preprocessed as the stock class does it, image by image."""

import copy
from collections import Counter

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor
from mmseg.structures import SegDataSample
from torch.utils._python_dispatch import TorchDispatchMode

from mmseg_pseudoseg.datasets import multi_branch_collate
from mmseg_pseudoseg.models import MultiBranchDataPreprocessor

ARGS = dict(mean=[120., 110., 100.], std=[50., 60., 70.], bgr_to_rgb=True,
            seg_pad_val=255)
SIZES = {'labeled': [(9, 12), (16, 7)], 'weak': [(5, 5)],
         'strong': [(16, 16), (3, 9), (8, 8)]}


def packed(sizes=SIZES, dtype=torch.uint8, images=torch.uint8):
    """By view: images of many sizes and samples; the weak one has tags."""
    draw = torch.Generator().manual_seed(0)
    found = {}
    for view, shapes in sizes.items():
        found[view] = []
        for k, size in enumerate(shapes):
            image, mask = (torch.randint(
                0, high, (n, *size), generator=draw)
                for high, n in ((256, 3), (5, 1)))
            one = SegDataSample(gt_sem_seg=PixelData(data=mask.to(dtype)))
            one.set_metainfo(dict(img_shape=size, img_path=f'{view}{k}.jpg'))
            if view == 'weak':
                one.set_data(dict(image_labels=torch.tensor([0., 1., 1.])))
            found[view].append((image.to(images), one))
    return found


def views(**kwargs):
    """The same as a batch."""
    return multi_branch_collate([
        dict(inputs={view: image}, data_samples={view: sample})
        for view, pairs in packed(**kwargs).items()
        for image, sample in pairs])


def erase(batch, **boxes):
    """Note boxes, a list an image, as CutOut and the packing do."""
    for view, found in boxes.items():
        for sample, some in zip(batch['data_samples'][view], found,
                                strict=True):
            sample.set_metainfo(dict(erased_boxes=some))


@pytest.mark.parametrize('padding', [
    dict(size=(16, 16)), dict(size=(20, 16)), dict(size_divisor=8),
    dict(size=(16, 16), pad_val=3.)], ids=str)
@pytest.mark.parametrize('change', [
    {}, dict(bgr_to_rgb=False, rgb_to_bgr=True), dict(bgr_to_rgb=False),
    dict(mean=None, std=None), dict(mean=[99.], std=[3.])], ids=str)
@pytest.mark.parametrize('dtype', [torch.uint8, torch.int64])
def test_every_image_equals_the_stock_preprocessor_s(padding, change, dtype):
    """Bitwise, one stock batch an image, and its maps and notes too."""
    args = {**ARGS, **change, **padding}
    ours, stock = (cls(**args) for cls in (
        MultiBranchDataPreprocessor, SegDataPreProcessor))
    found = ours(views(dtype=dtype), training=True)
    assert list(found) == ['inputs', 'data_samples']
    for key in found:
        assert list(found[key]) == list(SIZES)
    for view, pairs in packed(dtype=torch.int64).items():
        inputs, samples = found['inputs'][view], found['data_samples'][view]
        assert len(inputs) == len(samples) == len(pairs)
        size = tuple(inputs.shape[2:])
        for k, (image, sample) in enumerate(pairs):
            # The size of its batch: alone, an image may need less.
            one = stock.__class__(**{**args, 'size_divisor': None,
                                     'size': size})(dict(
                inputs=[image], data_samples=[sample]), True)
            assert inputs.dtype == torch.float32
            assert torch.equal(inputs[k], one['inputs'][0])
            mine, other = samples[k], one['data_samples'][0]
            assert mine.gt_sem_seg.data.dtype == torch.int64
            assert torch.equal(mine.gt_sem_seg.data, other.gt_sem_seg.data)
            assert mine.metainfo == other.metainfo
            assert set(mine.keys()) == set(other.keys())
    labels = found['data_samples']['weak'][0].image_labels
    assert labels.tolist() == [0, 1, 1]


@pytest.mark.parametrize('padding', [
    dict(size=(16, 16)), dict(size=(4, 4)), dict(size_divisor=8),
    dict(size_divisor=5)], ids=str)
def test_a_view_has_the_size_of_a_stock_batch(padding):
    """Images of one size where the stock one needs it."""
    sizes = dict(labeled=[(9, 12)] * 2, weak=[(3, 4)])
    found = MultiBranchDataPreprocessor(**ARGS, **padding)(
        views(sizes=sizes), True)
    for view, pairs in packed(sizes).items():
        images, samples = zip(*pairs)
        one = SegDataPreProcessor(**ARGS, **padding)(dict(
            inputs=list(images), data_samples=list(samples)), True)
        assert torch.equal(found['inputs'][view], one['inputs'])


def test_maps_are_views_of_one_stack():
    samples = MultiBranchDataPreprocessor(size=(16, 16), **ARGS)(
        views(), True)['data_samples']['strong']
    maps = [sample.gt_sem_seg.data for sample in samples]
    assert len({mask.untyped_storage().data_ptr() for mask in maps}) == 1


@pytest.mark.parametrize('images', [torch.uint8, torch.float32])
def test_a_batch_can_be_preprocessed_twice(images):
    """Normalising in place does not reach the loader's tensors."""
    for change in ({}, dict(mean=None, std=None, bgr_to_rgb=False)):
        made = MultiBranchDataPreprocessor(
            size=(16, 16), **{**ARGS, **change})
        data = views(images=images)
        erase(data, weak=[[(1, 1, 3, 3)]])
        before = copy.deepcopy(data)
        once = copy.deepcopy(made(data, True))
        twice = made(data, True)
        for view in SIZES:
            assert torch.equal(once['inputs'][view], twice['inputs'][view])
            assert torch.equal(data['inputs'][view], before['inputs'][view])
            assert torch.equal(data['maps'][view]['gt_sem_seg'],
                               before['maps'][view]['gt_sem_seg'])
            for one, other in zip(once['data_samples'][view],
                                  twice['data_samples'][view]):
                assert torch.equal(one.gt_sem_seg.data, other.gt_sem_seg.data)
                assert one.metainfo == other.metainfo


def test_metainfo_is_not_copied():
    data = views()
    data['data_samples']['weak'][0].set_field(
        [1], 'something', field_type='metainfo')
    kept = data['data_samples']['weak'][0].something
    found = MultiBranchDataPreprocessor(size=(16, 16), **ARGS)(data, True)
    assert found['data_samples']['weak'][0].something is kept


def test_boxes_are_exact_zeros_whatever_the_padding():
    data = views()
    boxes = [[(2, 3, 6, 8), (0, 0, 1, 1)], [(1, 5, 16, 16)], []]
    erase(data, strong=boxes)
    plain, cut = (MultiBranchDataPreprocessor(
        size=(16, 16), **ARGS, pad_val=7.)(batch, True)['inputs']['strong']
        for batch in (views(), data))
    for k, found in enumerate(boxes):
        for y in range(16):
            for x in range(16):
                erased = any(top <= y < bottom and left <= x < right
                             for top, left, bottom, right in found)
                expected = torch.zeros(3) if erased else plain[k, :, y, x]
                assert torch.equal(cut[k, :, y, x], expected)
                assert not (erased and cut[k, :, y, x].signbit().any())


def test_batch_augments_get_each_view():
    seen = []
    made = MultiBranchDataPreprocessor(
        size=(16, 16), batch_augments=lambda inputs, samples: (
            seen.append((tuple(inputs.shape), len(samples))),
            (inputs + 1, samples))[1],
        **ARGS)
    plain = MultiBranchDataPreprocessor(size=(16, 16), **ARGS)
    one, other = made(views(), True), plain(views(), True)
    assert seen == [((len(s), 3, 16, 16), len(s)) for s in SIZES.values()]
    for view in SIZES:
        assert torch.equal(one['inputs'][view], other['inputs'][view] + 1)


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('test_cfg', [None, dict(size_divisor=8)])
def test_batches_without_views_pass_as_in_stock(test_cfg, training):
    image, sample = packed()['labeled'][0]
    data = dict(inputs=[image], data_samples=[sample])
    made = [cls(size=(16, 16), test_cfg=test_cfg, **ARGS)(
        copy.deepcopy(data), training)
        for cls in (MultiBranchDataPreprocessor, SegDataPreProcessor)]
    assert torch.equal(made[0]['inputs'], made[1]['inputs'])
    assert made[0]['inputs'].shape[2:] == (
        (16, 16) if test_cfg or training else (9, 12))
    for one, other in zip(*(m['data_samples'] for m in made)):
        assert one.metainfo == other.metainfo
    # As inference without samples has it.
    del data['data_samples']
    made = MultiBranchDataPreprocessor(size=(16, 16), **ARGS)(data)
    assert made['inputs'].shape == (1, 3, 9, 12)


@pytest.mark.parametrize('change, words', [
    (dict(maps=None), r'not stacked.*collate_fn.*multi_branch_collate'),
    (dict(size=None), 'either size or size_divisor'),
    (dict(size_divisor=8), 'either size or size_divisor')])
def test_what_is_refused(change, words):
    data = views()
    if 'maps' in change:
        del data['maps']
        change = {}
    made = MultiBranchDataPreprocessor(**{**ARGS, 'size': (16, 16), **change})
    with pytest.raises(ValueError, match=words):
        made(data, True)


@pytest.mark.parametrize('box', [(2, 3, 17, 9), (2, 3, 9, 17)])
def test_a_box_beyond_the_crop_tells_of_the_canvas(box):
    """Where size is fixed; with a divisor, a view may be smaller."""
    data = views()
    erase(data, weak=[[box]])
    made = MultiBranchDataPreprocessor(size=(16, 16), **ARGS)
    with pytest.raises(ValueError, match=(
            r'gets \(16, 16\): set CutOut.canvas.*RandomCrop.crop_size')):
        made(data, True)
    found = MultiBranchDataPreprocessor(size_divisor=8, **ARGS)(data, True)
    assert not found['inputs']['weak'][0, :, 2:9, 3:9].any()


class Meta(TorchDispatchMode):
    """Counts on a device of no values: it stands for a GPU.

    Attributes:
        copies (int): From the host to the device.
        kernels (Counter): What else would run there, by name.
    """

    def __init__(self):
        super().__init__()
        self.copies, self.kernels = 0, Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.is_meta \
                and result.numel() and isinstance(args[0], torch.Tensor):
            if not args[0].is_meta:
                self.copies += 1
                assert kwargs['non_blocking']
            elif not any(arg.alias_info and not arg.alias_info.is_write
                         for arg in func._schema.arguments):  # no view
                self.kernels[func.name()] += 1
        return result


@pytest.mark.parametrize('number', [2, 16])
def test_each_stack_moves_once_however_many_images(number):
    """And what runs for each image fills its padding or its box."""
    sizes = dict(labeled=[(16, 20)] * number, weak=[(16, 20)] * number)
    for boxes, fills in ((0, 0), (1, 1)):
        made = MultiBranchDataPreprocessor(size=(16, 20), **ARGS).to('meta')
        data = views(sizes=sizes)
        erase(data, weak=[[(1, 2, 5, 6)] * boxes] * number)
        with Meta() as mode:
            found = made(data, True)
        # Images and maps of two views, and image-level labels.
        assert mode.copies == 2 * 2 + 1
        assert mode.kernels.pop('aten::fill_.Scalar', 0) == fills * number
        assert sum(mode.kernels.values()) <= 2 * 7, mode.kernels
    for view, samples in found['data_samples'].items():
        assert found['inputs'][view].is_meta
        assert all(s.gt_sem_seg.data.is_meta for s in samples)
    assert found['data_samples']['weak'][0].image_labels.is_meta
