"""L_s in bands against what the stock heads compute."""

import copy

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import cross_entropy_loss
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from toys import batch, build, total

from mmseg_pseudoseg.models.decode_heads import banded_loss
from mmseg_pseudoseg.models.decode_heads.banded_loss import use_bands
from mmseg_pseudoseg.models.losses.resized_cross_entropy import BAND

CE = dict(type='CrossEntropyLoss', avg_non_ignore=True)


def fcn(**changes):
    """A stock head of 5 classes; its forward pass is not needed."""
    cfg = dict(type='FCNHead', in_channels=4, channels=4, num_classes=5,
               num_convs=0, concat_input=False, loss_decode=CE)
    return MODELS.build({**cfg, **changes})


def case(ignored='some'):
    """Logits (2, 5, 7, 6) and masks of 27 x 22 with ignored pixels."""
    draw = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(2, 5, 7, 6, generator=draw)
    masks = torch.randint(0, 5, (2, 1, 27, 22), generator=draw)
    if ignored == 'some':
        masks[0, :, :4] = 255
    elif ignored == 'all':
        masks[:] = 255
    return logits, [SegDataSample(gt_sem_seg=PixelData(data=mask))
                    for mask in masks]


def computed(head, logits, samples):
    """Losses, and the gradient of their sum."""
    leaf = logits.clone().requires_grad_()
    losses = head.loss_by_feat(leaf, samples)
    return losses, torch.autograd.grad(total(losses), leaf)[0]


def count_bands(monkeypatch):
    """Count the sweeps."""
    calls, stock = [], banded_loss.resized_cross_entropy_sums
    monkeypatch.setattr(banded_loss, 'resized_cross_entropy_sums',
                        lambda *args: calls.append(1) or stock(*args))
    return calls


def agree(head, monkeypatch, sweeps, ignored='some'):
    """The head in bands equals itself without."""
    other, data = copy.deepcopy(head), case(ignored)
    assert 'loss_by_feat' not in vars(other)
    calls = count_bands(monkeypatch)
    expected = computed(other, *data)
    use_bands(head)
    found = computed(head, *data)
    assert len(calls) == sweeps
    assert found[0].keys() == expected[0].keys()
    for key, value in expected[0].items():
        assert found[0][key].shape == value.shape, key
        torch.testing.assert_close(found[0][key], value)
    torch.testing.assert_close(found[1], expected[1])
    return found


@pytest.mark.parametrize('rows', [1, 10**6])
@pytest.mark.parametrize('changes', [
    {}, dict(align_corners=True), dict(ignore_index=2),
    dict(loss_decode=dict(type='CrossEntropyLoss', loss_weight=.4)),
    dict(loss_decode=[dict(CE, loss_name='loss_one'),
                      dict(type='CrossEntropyLoss', loss_name='loss_two'),
                      dict(CE, loss_name='loss_one', loss_weight=.5)])])
def test_equals_the_stock_head(changes, rows, monkeypatch):
    """Both means, weights, names that add up; bands of a few rows and one."""
    monkeypatch.setitem(BAND, 'cpu', rows * 2 * 5 * 22)
    if changes.get('ignore_index') == 2:  # 255 is no class
        head = fcn(**changes)
        agree(head, monkeypatch, 1, 'none')
    else:
        _, grad = agree(fcn(**changes), monkeypatch, 1)
        assert grad.any()


def test_nothing_valid(monkeypatch):
    losses, grad = agree(fcn(), monkeypatch, 1, 'all')
    assert losses['loss_ce'] == 0 and not grad.any()


@pytest.mark.parametrize('changes', [
    dict(loss_decode=dict(type='CrossEntropyLoss',
                          class_weight=[1., 2., 3., 4., 5.])),
    dict(loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True)),
    dict(loss_decode=[CE, dict(type='DiceLoss')]),
    dict(sampler=dict(type='OHEMPixelSampler', thresh=.7, min_kept=50))])
def test_what_is_not_covered_is_the_stock_head_s(changes, monkeypatch):
    if 'class_weight' in changes.get('loss_decode', {}):
        ignored = 'none'  # MMSegmentation 1.2's takes no ignored pixel
    else:
        ignored = 'some'
    agree(fcn(**changes), monkeypatch, 0, ignored)


def test_a_head_with_a_loss_of_its_own_keeps_it():
    head = MODELS.build(dict(
        type='EncHead', in_channels=[4], in_index=[0], channels=4,
        num_classes=5, num_codes=2, loss_decode=CE))
    assert type(head).loss_by_feat is not BaseDecodeHead.loss_by_feat
    use_bands(head)
    assert 'loss_by_feat' not in vars(head)


def test_a_copy_asks_its_own_head():
    """As averaging hooks copy models."""
    head = fcn()
    use_bands(head)
    other = copy.deepcopy(head)
    other.ignore_index = 0
    assert other.loss_by_feat.__self__ is other
    logits, samples = case('none')
    assert computed(head, logits, samples)[0] != computed(
        other, logits, samples)[0]


def test_the_segmentor_does_not_resize_its_logits(monkeypatch):
    """Auxiliary head included: the stock loss is not called, L_s the same."""
    inputs, samples = batch()
    aux = dict(type='FCNHead', in_channels=32, in_index=2, channels=8,
               num_convs=1, concat_input=False, num_classes=5,
               loss_decode=dict(CE, loss_weight=.4))
    head = dict(dropout_ratio=0)
    made = build(head=head, auxiliary_head=dict(aux, dropout_ratio=0))
    plain = build(head=head, auxiliary_head=dict(aux, dropout_ratio=0))
    plain.load_state_dict(made.state_dict())
    for one in (plain.decode_head, plain.auxiliary_head):
        del one.loss_by_feat
    args = inputs['labeled'], samples['labeled']
    expected = plain.loss_labeled(*args)
    for one in (made.decode_head, made.auxiliary_head):
        monkeypatch.setattr(one.loss_decode, 'cls_criterion', None)
    monkeypatch.setattr(cross_entropy_loss, 'cross_entropy', None)
    found = made.loss_labeled(*args)
    assert found.keys() == expected.keys() >= {
        'labeled.decode.loss_ce', 'labeled.aux.loss_ce',
        'labeled.decode.acc_seg', 'labeled.aux.acc_seg'}
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value)
    total(found).backward(), total(expected).backward()
    for one, other in zip(made.parameters(), plain.parameters()):
        if other.grad is not None:
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-4,
                                       atol=1e-6)
