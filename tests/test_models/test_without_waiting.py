"""Accuracy and cross entropy on the device equal the stock ones."""

import pytest
import torch
from mmseg.models.decode_heads import decode_head
from mmseg.registry import MODELS

from mmseg_pseudoseg.models.utils import without_waiting
from mmseg_pseudoseg.models.utils.without_waiting import (
    accuracy,
    cross_entropy,
    stock_accuracy,
    stock_cross_entropy,
)


def case(ignored):
    """Scores of 4 classes and labels, ``ignored`` pixels of 255."""
    draw = torch.Generator().manual_seed(0)
    pred = torch.randn(3, 4, 6, 7, generator=draw)
    label = torch.randint(0, 4, (3, 6, 7), generator=draw)
    label.view(-1)[torch.randperm(126, generator=draw)[:ignored]] = 255
    return pred, label


def test_the_stock_functions_are_others():
    assert stock_accuracy is not accuracy
    assert stock_cross_entropy is not cross_entropy


@pytest.mark.parametrize('ignored', [0, 40, 126])
@pytest.mark.parametrize('kwargs', [
    {}, dict(ignore_index=255), dict(ignore_index=255, topk=2),
    dict(ignore_index=255, topk=(1, 3)), dict(thresh=.5)])
def test_accuracy(ignored, kwargs):
    pred, label = case(ignored)
    if 'thresh' in kwargs:  # the stock one takes a vector here
        pred, label = pred.mean((2, 3)), label[:, 0, 0]
    one, other = accuracy(pred, label, **kwargs), stock_accuracy(
        pred, label, **kwargs)
    torch.testing.assert_close(one, other)
    empty = pred[:0], label[:0]
    torch.testing.assert_close(accuracy(*empty), stock_accuracy(*empty))


@pytest.mark.parametrize('ignored', [0, 40, 126])
@pytest.mark.parametrize('kwargs', [
    {}, dict(avg_non_ignore=True), dict(reduction='sum'),
    dict(avg_non_ignore=True, avg_factor=7.),
    dict(avg_non_ignore=True, reduction='none'),
    dict(avg_non_ignore=True, weight=torch.full((3, 6, 7), 2.)),
    dict(class_weight=torch.tensor([1., 2., 3., 4.]))])
def test_cross_entropy(ignored, kwargs):
    pred, label = case(ignored)
    try:
        other = stock_cross_entropy(pred, label, ignore_index=255, **kwargs)
    except IndexError:
        pytest.skip("MMSegmentation 1.2's class_weight takes no ignored pixel")
    one = cross_entropy(pred, label, ignore_index=255, **kwargs)
    torch.testing.assert_close(one, other)


def test_stock_heads_and_losses_use_them(monkeypatch):
    assert decode_head.accuracy is accuracy
    loss = MODELS.build(dict(type='CrossEntropyLoss', avg_non_ignore=True))
    assert loss.cls_criterion is cross_entropy
    monkeypatch.setattr(decode_head, 'accuracy', None)
    without_waiting.replace_stock_functions()
    assert decode_head.accuracy is accuracy
