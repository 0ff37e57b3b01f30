"""The SGC head against a derivation by loops, and its bad input."""

from math import exp, log

import numpy as np
import pytest
import torch
from oracles import SGCOracle, array, bilinear, softmax

from mmseg_pseudoseg.models import SGCHead

CLASSES, SIZE = 4, (3, 4)


def head(seed=0, **kwargs):
    """A float64 head over stages of 5 and 6 channels, nothing at rest."""
    torch.manual_seed(seed)
    made = SGCHead(in_channels=(5, 6), in_index=(1, 3), num_classes=CLASSES,
                   channels=3, **kwargs).double()
    torch.nn.init.normal_(made.norm.bias)
    torch.nn.init.normal_(made.query.weight)
    torch.nn.init.normal_(made.key.weight)
    torch.nn.init.normal_(made.conv_cls.weight, std=3)
    return made


def stages(images=3, seed=1):
    """Four stage maps of which the head takes the second and the last."""
    draw = torch.Generator().manual_seed(seed)
    shapes = ((2, 12, 16), (5, 6, 7), (4, 6, 7), (6, *SIZE))
    return [torch.randn(images, *shape, generator=draw, dtype=torch.float64)
            for shape in shapes]


def real_pixels(images=3):
    """Validity (N, 1, 12, 16): padding, nothing real, a hole."""
    valid = torch.ones(images, 1, 12, 16, dtype=torch.bool)
    valid[0, :, 8:] = False
    valid[1] = False
    valid[2, :, 3:6, 2:9] = False
    return valid


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('tags, masked', [(False, True), (True, False)])
@pytest.mark.parametrize('align_corners', [True, False])
@pytest.mark.parametrize('background', ['after', 'before'])
def test_equals_loops(background, align_corners, tags, masked, training):
    made = head(background=background, align_corners=align_corners,
                threshold=.42).train(training)
    feats = stages()
    labels = torch.tensor([[1, 0, 1], [0, 0, 0], [1, 1, 1]]) if tags else None
    valid = real_pixels() if masked else None
    found = made(feats, labels, valid)
    expected = SGCOracle(made)(feats, labels, valid)
    assert found._fields == ('cls_logits', 'cam', 'logits')
    for name, one, other in zip(found._fields, found, expected):
        np.testing.assert_allclose(
            array(one), other, rtol=1e-5, atol=1e-5, err_msg=name)
    assert 0 <= found.cam.min() and found.cam.max() <= 1
    assert not found.cam.requires_grad
    if not tags:  # the classifier calls some present, some absent
        present = found.cls_logits.sigmoid() >= .42
        assert present.any() and not present.all()
        assert not torch.equal(present, found.cls_logits >= 0)


def test_losses_equal_loops():
    made = head(loss_ce_weight=.25, loss_cls_weight=.5)
    masks = torch.randint(0, CLASSES, (3, 9, 10),
                          generator=torch.Generator().manual_seed(0))
    masks[:, 7:] = 255
    labels = made.image_labels(masks)
    labels[0, 0] = 0
    output = made(stages(), labels)
    losses = made.loss_by_feat(output, masks, labels)
    entropies = []
    for n, maps in enumerate(array(output.logits)):
        big = np.array([bilinear(plane, (9, 10), False) for plane in maps])
        for y, x in np.ndindex(7, 10):
            prob = softmax(list(big[:, y, x]))
            entropies.append(-log(prob[masks[n, y, x]]))
    binary = [
        -log(1 / (1 + exp(-v if label else v)))
        for v, label in zip(array(output.cls_logits).ravel(),
                            labels.ravel().tolist())
    ]
    assert losses.keys() == {'loss_ce', 'loss_cls'}
    assert losses['loss_ce'].item() == pytest.approx(
        .25 * sum(entropies) / len(entropies), rel=1e-5)
    assert losses['loss_cls'].item() == pytest.approx(
        .5 * sum(binary) / len(binary), rel=1e-5)


def test_dropout_acts_on_the_loss_of_the_classifier_alone():
    made, feats = head(dropout_ratio=.5).train(), stages()
    plain = made(feats)
    assert torch.equal(made.classify(feats), plain.cls_logits)
    torch.manual_seed(3)
    dropped = made(feats, plain.cam.amax((2, 3)) > 0, dropout=True)
    assert torch.equal(dropped.cam, plain.cam)
    assert torch.equal(dropped.logits, plain.logits)
    decided = made(feats, dropout=True)
    assert torch.equal(decided.cam, plain.cam)
    assert not torch.equal(decided.cls_logits, plain.cls_logits)
    torch.manual_seed(3)
    kept = torch.nn.functional.dropout(torch.ones(3, 6).double(), .5)
    pooled = feats[3].mean((2, 3)) * kept
    expected = pooled @ made.conv_cls.weight[:, :, 0, 0].T + \
        made.conv_cls.bias
    assert not torch.allclose(dropped.cls_logits, plain.cls_logits)
    torch.testing.assert_close(dropped.cls_logits, expected)
    made.eval()
    assert torch.equal(made(feats, dropout=True).cls_logits, plain.cls_logits)


def test_norm_has_no_scale_and_no_buffers():
    made = head()
    assert not made.norm.weight.requires_grad
    assert made.norm.weight.eq(1).all()
    assert not list(made.named_buffers())


def test_two_classes_and_nothing_labelled():
    made = SGCHead(in_channels=(6,), in_index=(0,), num_classes=2, channels=2)
    masks = torch.full((2, 6, 8), 255)
    labels = made.image_labels(masks)
    output = made([torch.randn(2, 6, *SIZE)], labels, (masks != 255)[:, None])
    losses = made.loss_by_feat(output, masks, labels)
    assert losses['loss_ce'] == 0
    assert torch.isfinite(losses['loss_cls'])
    sum(losses.values()).backward()
    assert made.query.weight.grad.eq(0).all()


@pytest.mark.parametrize('kwargs, named', [
    (dict(in_channels=(5,)), r'sgc_head\.in_channels \(5,\).*in_index'),
    (dict(dropout_ratio=1.), r'sgc_head\.dropout_ratio .*not 1\.0'),
    (dict(background='none'), "sgc_head.background .*'none'")])
def test_bad_arguments_are_named(kwargs, named):
    with pytest.raises(ValueError, match=named):
        SGCHead(**{**dict(in_channels=(5, 6), in_index=(1, 3),
                          num_classes=CLASSES), **kwargs})


def test_channels_that_do_not_fit_are_named_with_the_remedy():
    feats = stages()
    feats[1] = feats[2]
    with pytest.raises(ValueError, match=(
            r'sgc_head\.in_channels is \(5, 6\).*gives \(4, 6\).*set '
            r'sgc_head\.in_channels=\(4, 6\)')):
        head()(feats)


def test_index_beyond_the_backbone_is_named():
    with pytest.raises(ValueError, match=(
            r"sgc_head\.in_index \(1, 3\).*backbone's 3 outputs")):
        head()(stages()[:3])
