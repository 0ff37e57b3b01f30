"""Which checkpoints a network takes."""

import logging
from types import SimpleNamespace

import pytest
import torch
from conftest import tiny_model
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import HOOKS, MODELS

from mmseg_pseudoseg import weights
from mmseg_pseudoseg.weights import (
    bare,
    check_classes,
    check_weights,
    load_checked,
)


def network(num_classes=3, **backbone):
    init_default_scope('mmseg')
    cfg = tiny_model(num_classes)
    cfg['backbone'].update(backbone)
    return MODELS.build(cfg)


@pytest.fixture(scope='module')
def model():
    return network()


def saved(model, **changes):
    state = {k: v.clone() for k, v in model.state_dict().items()}
    for key, value in changes.items():
        key = key.replace('__', '.')
        if value is None:
            del state[key]
        else:
            state[key] = value
    return dict(state_dict=state, meta=dict(dataset_meta=dict(
        classes=('sky', 'cat', 'dog'))))


def test_what_fits_passes(model):
    """Also without what only training has, or with more of it, or in DDP."""
    whole = saved(model)
    check_weights(model, whole, 'x.pth', 'c.py', whole=True)
    check_weights(model, whole['state_dict'], 'x.pth', None, whole=True)
    wrapped = {f'module.{k}': v for k, v in whole['state_dict'].items()}
    check_weights(model, dict(state_dict=wrapped), 'x.pth', 'c.py', whole=True)
    state = {k: v for k, v in whole['state_dict'].items()
             if not k.startswith('sgc_head')
             and not k.endswith('num_batches_tracked')}
    check_weights(model, dict(state_dict=state), 'x.pth', 'c.py')
    state['auxiliary_head.conv_seg.weight'] = torch.zeros(3)
    state['sgc_head.more'] = torch.zeros(3)
    check_weights(model, dict(state_dict=state), 'x.pth', 'c.py')


def test_inside_test_time_augmentation(model):
    tta = MODELS.build(dict(type='SegTTAModel', module=model))
    assert bare(tta) is model
    check_weights(tta, saved(model), 'x.pth', 'c.py', whole=True)


@pytest.mark.parametrize('whole', [False, True])
def test_other_classes_are_named(model, whole):
    with pytest.raises(ValueError) as error:
        check_weights(network(2), saved(model), 'x.pth', 'c.py', whole)
    for words in ('x.pth does not fit c.py', 'the checkpoint has 3 classes '
                  '(sky, cat, dog), the config 2', 'load_from',
                  'decode_head.conv_seg.weight (3, 16, 1, 1) / (2, 16, 1, 1)'):
        assert words in str(error.value)
    assert ('sgc_head.' in str(error.value)) == whole


@pytest.mark.parametrize('key, value, words', [
    ('decode_head__conv_seg__bias', None,
     'not in the checkpoint: decode_head.conv_seg.bias'),
    ('backbone__conv1__weight', torch.zeros(4, 3, 7, 7),
     'backbone.conv1.weight (4, 3, 7, 7) / (64, 3, 7, 7)'),
    ('backbone__layer9__weight', torch.zeros(1),
     'in the checkpoint alone: backbone.layer9.weight'),
])
def test_one_wrong_weight_is_enough(model, key, value, words):
    with pytest.raises(ValueError) as error:
        check_weights(model, saved(model, **{key: value}), 'x.pth', None)
    assert words in str(error.value)
    assert 'classes' not in str(error.value)


def test_a_deeper_backbone_has_all_keys_of_a_shallow_one():
    """And more: the shallow one would run on half of its weights."""
    deep, shallow = network(depth=34), network(depth=18)
    with pytest.raises(ValueError, match='checkpoint alone: backbone.layer1'):
        check_weights(shallow, saved(deep), 'x.pth', 'c.py')


def test_training_parts_count_for_resuming(model):
    part = saved(model, sgc_head__conv_cls__weight=None)
    check_weights(model, part, 'x.pth', 'c.py')
    with pytest.raises(ValueError, match='sgc_head.conv_cls.weight'):
        check_weights(model, part, 'x.pth', 'c.py', whole=True)


def test_names_of_classes(model, monkeypatch):
    said = []
    monkeypatch.setattr(weights, 'print_log',
                        lambda text, logger, level: said.append((text, level)))
    checkpoint = saved(model)
    check_classes(checkpoint, ['sky', 'cat', 'dog'], 'x.pth')
    check_classes(dict(state_dict={}), ['a', 'b'], 'x.pth')
    check_classes(checkpoint, [], 'x.pth')
    with pytest.raises(ValueError, match='in another order'):
        check_classes(checkpoint, ['sky', 'dog', 'cat'], 'x.pth')
    assert not said
    check_classes(checkpoint, ['sky', 'dog', 'wolf'], 'x.pth')
    (text, level), = said
    assert level == logging.WARNING and 'sky, cat, dog' in text
    assert 'sky, dog, wolf' in text


def test_loading(model, tmp_path):
    """All weights arrive; a checkpoint that does not fit changes nothing."""
    torch.save(saved(model), tmp_path / 'x.pth')
    torch.manual_seed(1)
    other = network()
    load_checked(other, str(tmp_path / 'x.pth'), 'c.py')
    for key, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[key], value), key
    small = network(2)
    before = {k: v.clone() for k, v in small.state_dict().items()}
    with pytest.raises(ValueError, match='x.pth does not fit c.py'):
        load_checked(small, str(tmp_path / 'x.pth'), 'c.py')
    assert all(torch.equal(before[k], v)
               for k, v in small.state_dict().items())


@pytest.mark.parametrize('whole', [False, True])
def test_the_hook_of_a_runner(model, whole):
    """Resuming, what only training has must fit; the data set is asked."""
    def loader(*classes):
        return SimpleNamespace(dataset=SimpleNamespace(
            metainfo=dict(classes=classes)))

    right, wrong = ('sky', 'cat', 'dog'), ('sky', 'dog', 'cat')
    cfg = Config(dict(load_from='x.pth'), filename=None)
    hook = HOOKS.build(dict(type='CheckWeightsHook', whole=whole))
    part = saved(model, sgc_head__conv_cls__weight=None)
    for train, test, checkpoint, words in (
            (right, right, saved(model), None),
            (wrong, right, saved(model), 'another order' if whole else None),
            (right, wrong, saved(model), None if whole else 'another order'),
            (right, right, part, 'conv_cls' if whole else None)):
        runner = SimpleNamespace(
            model=model, cfg=cfg, work_dir='w',
            train_dataloader=loader(*train), test_dataloader=loader(*test))
        if words is None:
            hook.after_load_checkpoint(runner, checkpoint)
            continue
        with pytest.raises(ValueError, match=f'x.pth.*{words}'):
            hook.after_load_checkpoint(runner, checkpoint)
