"""SemiSegmentor: wiring, the stock parts, and bad input."""

import numpy as np
import pytest
import torch
from conftest import tiny_model
from mmengine.config import ConfigDict
from mmengine.logging import MessageHub
from mmseg.registry import MODELS
from oracles import array, fuse, nearest, soft_cross_entropy
from toys import CLASSES, CROP, batch, build, count_calls, total

ADDED = ('sgc_head', 'pseudo_label', 'unsup_loss')


def spread(model):
    """Weights and statistics that no fresh model has."""
    torch.manual_seed(3)
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.add_(torch.rand_like(value) * .2)
    return model


def stock(**kwargs):
    """The plain EncoderDecoder of the same network."""
    cfg = {**tiny_model(num_classes=CLASSES, crop=CROP), **kwargs}
    for key in ADDED:
        cfg.pop(key)
    cfg.update(type='EncoderDecoder')
    cfg['data_preprocessor'] = dict(type='SegDataPreProcessor')
    return MODELS.build(ConfigDict(cfg))


@pytest.fixture()
def at_iteration():
    """Set the iteration that the Runner would announce."""
    hub = MessageHub.get_instance('test_semi_segmentor')

    def announce(iteration):
        hub.update_info('iter', iteration)

    yield announce
    announce(0)


@pytest.mark.parametrize('tags', [False, True])
def test_views_meet_the_right_parts(tags):
    """L_u recomputed by loops from what the heads gave out."""
    # A decoder on a finer stage, so that sizes differ.
    model = build(head=dict(in_index=1, in_channels=16), image_labels=tags,
                  pseudo_label=dict(type='CalibratedFusion', threshold=.4))
    logits, given, maps = [], [], []
    model.decode_head.register_forward_hook(
        lambda _, args, out: logits.append(out))
    model.sgc_head.register_forward_hook(
        lambda _, args, out: given.append(args[1:]))
    model.sgc_head.register_forward_hook(
        lambda _, args, out: maps.append(out))
    inputs, samples = batch(tags=tags)
    losses = model(inputs, samples, mode='loss')
    weak, strong = logits  # the labelled pass calls no hook in stock
    label, weight = fuse(array(weak), array(maps[0].logits), threshold=.4)
    assert 0 < weight.mean() < 1
    valid = torch.stack([s.gt_sem_seg.data for s in samples['strong']]) != 255
    size = strong.shape[2:]
    assert size != maps[0].logits.shape[2:]
    small = np.array([[nearest(array(v[0]), size)] for v in valid])
    assert losses['strong.loss_soft_ce'].item() == pytest.approx(
        soft_cross_entropy(strong, torch.tensor(label), small, weight),
        rel=1e-4)
    assert losses['pseudo.confidence'].item() == pytest.approx(
        np.average(label.max(axis=1), weights=small[:, 0]), rel=1e-4)
    assert losses['pseudo.weight'].item() == pytest.approx(
        np.average(weight, weights=small))
    assert torch.equal(given[0][1], valid)
    if tags:
        assert given[0][0].tolist() == [[1, 0, 1, 0], [0, 1, 0, 1]]
    else:
        assert given[0][0] is None
    masks = torch.stack([s.gt_sem_seg.data for s in samples['labeled']])
    assert given[1][0].tolist() == [[1, 0, 1, 0], [0, 1, 0, 1]]
    assert torch.equal(given[1][1], masks != 255)


def test_losses_and_their_keys():
    labeled = {'labeled.decode.loss_ce', 'labeled.sgc.loss_ce',
               'labeled.sgc.loss_cls'}
    for tags in (False, True):
        losses = build(image_labels=tags).loss(*batch(tags=tags))
        summed = {k for k in losses if 'loss' in k}
        assert summed == labeled | {'strong.loss_soft_ce'} | (
            {'weak.sgc.loss_cls'} if tags else set())
        assert set(losses) - summed == {
            'labeled.decode.acc_seg', 'pseudo.confidence', 'pseudo.weight'}


def test_labelled_losses_equal_the_stock_ones():
    inputs, samples = batch()
    quiet = dict(head=dict(dropout_ratio=0))
    model, plain = build(**quiet), stock()
    plain.decode_head.dropout = None
    plain.load_state_dict(model.state_dict(), strict=False)
    found = model.loss(inputs, samples)
    expected = plain.train().loss(inputs['labeled'], samples['labeled'])
    torch.testing.assert_close(found['labeled.decode.loss_ce'],
                               expected['decode.loss_ce'])


@pytest.mark.parametrize('iteration, views', [(0, 1), (4, 1), (5, 3), (9, 3)])
def test_unlabelled_views_wait_for_their_start(iteration, views,
                                               at_iteration):
    at_iteration(iteration)
    model = build(unsup_start=5)
    calls = count_calls(model.backbone)
    losses = model.loss(*batch())
    assert calls['forward'] == views
    assert any('strong' in k for k in losses) == (views == 3)


@pytest.mark.parametrize('tags', [False, True])
def test_three_backbone_passes_a_step(tags):
    model = build(image_labels=tags)
    calls = count_calls(model.backbone)
    model.loss(*batch(tags=tags))
    assert calls['forward'] == 3


def test_nothing_real_in_the_unlabelled_batch():
    inputs, samples = batch()
    for sample in samples['strong']:
        sample.gt_sem_seg.data[:] = 255
    model = build()
    losses = model.loss(inputs, samples)
    assert losses['strong.loss_soft_ce'] == 0
    assert all(torch.isfinite(v).all() for v in losses.values())
    losses['strong.loss_soft_ce'].backward()
    for name, p in model.named_parameters():
        if not name.startswith('sgc_head'):
            assert p.grad.eq(0).all(), name


def test_nothing_labelled_in_the_labelled_batch():
    inputs, samples = batch()
    for sample in samples['labeled']:
        sample.gt_sem_seg.data[:] = 255
    losses = build().loss(inputs, samples)
    assert losses['labeled.decode.loss_ce'] == 0
    assert losses['labeled.sgc.loss_ce'] == 0
    assert torch.isfinite(total(losses))


def test_state_dict_is_the_stock_one_and_the_sgc_head():
    keys = build().state_dict().keys()
    assert keys - stock().state_dict().keys() == {
        k for k in keys if k.startswith('sgc_head.')}
    assert stock().state_dict().keys() <= keys


@pytest.mark.parametrize('test_cfg', [
    dict(mode='whole'),
    dict(mode='slide', crop_size=(CROP, CROP), stride=(20, 20))])
def test_supervised_checkpoint_loads_and_predicts_the_same(test_cfg):
    plain = spread(stock(test_cfg=test_cfg)).eval()
    model = build(test_cfg=test_cfg).eval()
    result = model.load_state_dict(plain.state_dict(), strict=False)
    assert not result.unexpected_keys
    assert set(result.missing_keys) == {
        k for k in model.state_dict() if k.startswith('sgc_head.')}
    image = torch.randn(1, 3, 50, 47)
    with torch.no_grad():
        ours, theirs = (m(image, mode='predict')[0] for m in (model, plain))
    assert torch.equal(ours.seg_logits.data, theirs.seg_logits.data)
    assert torch.equal(ours.pred_sem_seg.data, theirs.pred_sem_seg.data)
    assert ours.seg_logits.data.shape == (CLASSES, 50, 47)


def test_missing_image_labels_are_named():
    with pytest.raises(KeyError, match=(
            r'model\.image_labels=True.*tag_file.*ImageLabelsFromMask')):
        build(image_labels=True).loss(*batch())


def test_unknown_batch_norm_mode_is_named():
    with pytest.raises(ValueError, match="model.weak_bn .*'frozen'"):
        build(weak_bn='frozen')


def test_the_sgc_head_takes_the_classes_of_the_decode_head():
    sgc_head = tiny_model(num_classes=CLASSES)['sgc_head']
    sgc_head.pop('num_classes')
    assert build(sgc_head=sgc_head).sgc_head.num_classes == CLASSES


def test_other_number_of_classes_is_named():
    sgc_head = tiny_model(num_classes=CLASSES + 1)['sgc_head']
    with pytest.raises(ValueError, match=(
            r'sgc_head\.num_classes is 6, but the decode head has 5')):
        build(sgc_head=sgc_head)


def test_channels_that_do_not_fit_the_backbone_are_named():
    sgc_head = tiny_model(num_classes=CLASSES)['sgc_head']
    sgc_head['in_channels'] = (32, 128)
    with pytest.raises(ValueError, match=(
            r'sgc_head\.in_channels is \(32, 128\).*gives \(32, 64\)')):
        build(sgc_head=sgc_head).loss(*batch())


def test_one_channel_for_two_classes_is_named():
    """The stock set-up with a sigmoid; L_u would be 0 all along."""
    with pytest.raises(ValueError, match=(
            r'decode_head\.out_channels is 1 for 2 classes.*use_sigmoid')):
        build(head=dict(num_classes=2, out_channels=1, threshold=0.3),
              sgc_head=tiny_model(num_classes=2)['sgc_head'])


def test_a_head_of_three_maps_is_named():
    with pytest.raises(ValueError, match='decode_head: PIDHead'):
        build(decode_head=dict(type='PIDHead', in_channels=64, channels=8,
                               num_classes=CLASSES))


def test_padding_that_would_count_is_named():
    with pytest.raises(ValueError, match=r'seg_pad_val is 0.*must be 255'):
        build(data_preprocessor=dict(
            type='MultiBranchDataPreprocessor', size=(CROP, CROP),
            seg_pad_val=0))


@pytest.mark.parametrize('views', [
    ('labeled', 'weak'), ('weak', 'strong'), ('labelled', 'weak', 'strong')])
def test_a_missing_view_is_named(views):
    inputs, samples = batch()
    inputs = dict(zip(views, inputs.values()))
    with pytest.raises(KeyError, match='MultiBranch.*multi_branch_collate'):
        build().loss(inputs, samples)


def test_a_stock_batch_is_refused():
    inputs, samples = batch()
    with pytest.raises(KeyError, match=r'has \[\]'):
        build().loss(inputs['labeled'], samples['labeled'])
