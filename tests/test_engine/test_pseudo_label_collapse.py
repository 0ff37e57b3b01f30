"""A collapse of the pseudo labels is warned of, once each."""

import pytest
import torch
from watching import CLASSES, fake_runner, random_step, show

from mmseg_pseudoseg.engine import PseudoLabelMonitorHook


def flat(step, **change):
    """The step on 10 x 10 labels, all of them counted."""
    change.setdefault('label', step.label[:1, :, :10, :10])
    ones = torch.ones(1, 1, 10, 10)
    return step._replace(logits=step.logits[:1, :, :10, :10], weight=ones,
                         inside=ones, valid=ones.bool(), **change)


def one_class(pixels):
    """A label (1, C, 10, 10) that has the class "cow" in so many pixels."""
    label = torch.zeros(1, CLASSES, 100)
    label[:, 2, :pixels] = 1
    label[:, 4, pixels:] = 1
    return label.reshape(1, CLASSES, 10, 10)


def uniform(peak):
    """A label whose every pixel gives one class ``peak`` / C."""
    label = torch.full((1, CLASSES, 10, 10), (CLASSES - peak) / CLASSES / 4)
    return label.scatter_(1, torch.arange(100).reshape(1, 1, 10, 10) % CLASSES,
                          peak / CLASSES)


def silent(positives):
    """Outputs of an SGC head whose classifier calls so many classes."""
    sgc = random_step().sgc
    logits = torch.full((1, CLASSES - 1), -0.1)
    logits[:, :positives] = 0.1
    return sgc._replace(cls_logits=logits, logits=sgc.logits[:1],
                        cam=sgc.cam[:1])


@pytest.mark.parametrize('healthy, collapsed, words', [
    (dict(label=one_class(99)), dict(label=one_class(100)),
     ('"cow"', 'unsup_start', 'threshold', 'image-level labels')),
    (dict(sgc=silent(1)), dict(sgc=silent(0)),
     ('classifier', 'sgc_head.threshold', 'image-level labels')),
    (dict(label=uniform(1.5)), dict(label=uniform(1.1)),
     ('uniform', 'pseudo_label.temperature', 'pseudo_label.norm')),
])
def test_each_collapse_is_warned_of_once(healthy, collapsed, words):
    runner, hook = fake_runner(), PseudoLabelMonitorHook(interval=1)
    hook.before_train(runner)
    warnings, step = runner.logger.warnings, random_step()
    healthy, collapsed = (
        flat(step, **{**dict(sgc=silent(2)), **change})
        for change in (healthy, collapsed))
    show(hook, runner, healthy)
    assert not warnings
    for _ in range(3):
        show(hook, runner, collapsed)
    assert len(warnings) == 1
    for word in ('Iteration 2', 'docs/monitoring.md', *words):
        assert word in warnings[0]
    show(hook, runner, flat(
        step, label=one_class(100), sgc=silent(0)))
    show(hook, runner, flat(step, label=uniform(1.), sgc=silent(0)))
    assert len(warnings) == 3 and len({w[14:40] for w in warnings}) == 3


@pytest.mark.parametrize('key, value', [
    ('threshold', 0.4), ('use_image_labels', True)])
def test_what_grad_cam_takes_decides_on_the_silent_classifier(key, value):
    """A lower threshold finds classes; given labels need no classifier."""
    runner, hook = fake_runner(), PseudoLabelMonitorHook(interval=1)
    hook.before_train(runner)
    model = hook.model
    setattr(model.sgc_head if key == 'threshold' else model, key, value)
    show(hook, runner, flat(random_step(), sgc=silent(0)))  # 0.48 for each
    assert not runner.logger.warnings


def few(kept):
    """A weight that so many of the 10 x 10 pixels have."""
    weight = torch.zeros(1, 1, 100)
    weight[..., :kept] = 1
    return weight.reshape(1, 1, 10, 10)


@pytest.mark.parametrize('kept, warned', [(4, 0), (10, 1)])
def test_a_class_takes_over_where_enough_pixels_count(kept, warned):
    """Early on, the few sure pixels of a batch are often background."""
    runner, hook = fake_runner(), PseudoLabelMonitorHook(interval=1)
    hook.before_train(runner)
    step = flat(random_step(), sgc=silent(2), label=one_class(100))
    show(hook, runner, step._replace(weight=few(kept)))
    assert len(runner.logger.warnings) == warned


def test_an_idle_loss_is_warned_of_once_it_lasts():
    runner, hook = fake_runner(), PseudoLabelMonitorHook(interval=1)
    hook.before_train(runner)
    hook.model.pseudo_label.threshold = 0.8
    warnings = runner.logger.warnings
    step = flat(random_step(), sgc=silent(2), label=one_class(50))
    for kept in (0, 0, 0, 1, 0, 0, 0):
        show(hook, runner, step._replace(weight=few(kept)))
    assert not warnings
    for _ in range(3):
        show(hook, runner, step._replace(weight=few(0)))
    assert len(warnings) == 1
    for word in ('idle', 'model.pseudo_label.threshold=0.8', 'image-level'):
        assert word in warnings[0]
