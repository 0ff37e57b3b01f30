"""Figures of pseudo labels: right, reduced over processes, seldom."""

import math
import multiprocessing
import pickle

import numpy as np
import pytest
import torch
from conftest import ROOT, free_port, tiny_model
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel
from mmseg.registry import MODELS
from watching import (
    CLASSES,
    CROP,
    NAMES,
    build,
    fake_runner,
    figures,
    random_step,
    show,
    train_step,
)

from mmseg_pseudoseg.engine import (
    PseudoLabelMonitorHook,
    PseudoLabelPanelHook,
    leave_process_group,
)
from mmseg_pseudoseg.models.segmentors import semi_segmentor


def nearest(x, size):
    """Nearest resize of (N, h, w), as torch does it."""
    rows = np.arange(size) * x.shape[1] // size
    return x[:, rows][:, :, rows]


def bilinear(x, size):
    """Bilinear resize of (N, C, s, s), corners not aligned, by matrices."""
    s = x.shape[2]
    place = np.clip((np.arange(size) + 0.5) * s / size - 0.5, 0, s - 1)
    matrix = np.maximum(0, 1 - abs(place[:, None] - np.arange(s)))
    return np.einsum('ia,jb,ncab->ncij', matrix, matrix, x)


def oracle(steps):
    """The figures over the pixels of all steps, in float64."""
    pixels, images, kept, entropy, agree, positives = 0, 0, 0, 0., 0, 0
    shares = np.zeros(CLASSES)
    for step in steps:
        label = step.label.double().numpy()
        size = label.shape[2]
        valid = nearest(step.valid[:, 0].numpy(), size)
        decoder = step.logits.double().numpy().argmax(1)
        sgc = bilinear(step.sgc.logits.double().numpy(), size).argmax(1)
        for n, i, j in zip(*np.nonzero(valid)):
            pixels += 1
            p = label[n, :, i, j]
            entropy -= sum(q * math.log(q) for q in p if q) / math.log(CLASSES)
            agree += decoder[n, i, j] == sgc[n, i, j]
            if step.weight[n, 0, i, j]:
                kept += 1
                shares[p.argmax()] += 1
        images += len(label)
        scores = step.sgc.cls_logits.double().numpy()
        positives += (1 / (1 + np.exp(-scores)) >= 0.5).sum()
    found = {f'share.{n}': s / kept for n, s in zip(NAMES, shares)}
    return dict(found, entropy=entropy / pixels, agreement=agree / pixels,
                positives=positives / images)


def quality(scores, masks, valid):
    """Accuracy and mIoU in per cent, counted pixel by pixel."""
    labels = bilinear(scores.double().numpy(), CROP).argmax(1)
    use = (masks != 255) & valid
    truth, said = masks[use], labels[use]
    ious = []
    for c in range(CLASSES):
        union = ((truth == c) | (said == c)).sum()
        if union:
            ious.append(((truth == c) & (said == c)).sum() / union)
    return 100 * (truth == said).mean(), 100 * np.mean(ious)


def test_figures_equal_the_oracle():
    runner, hook = fake_runner(), PseudoLabelMonitorHook(interval=1)
    hook.before_train(runner)
    for seed in (0, 1):
        step = random_step(seed)
        show(hook, runner, step)
        expected = oracle([step])
        assert 0 < expected['agreement'] < 1 and 0 < expected['positives'] < 4
        assert figures(runner) == pytest.approx(expected, rel=1e-5)
    assert not runner.logger.warnings


def test_quality_against_hidden_masks_equals_the_oracle():
    runner = fake_runner()
    hook = PseudoLabelMonitorHook(interval=1)
    hook.before_train(runner)
    step = random_step()
    masks = np.random.default_rng(0).integers(0, 3, (3, CROP, CROP))
    masks[:, 20:24] = 255

    class Masks:
        """Instead of the files."""

        def read(self, iteration, data_batch, size):
            assert iteration == 0 and tuple(size) == (CROP, CROP)
            return torch.from_numpy(masks)

    hook.hidden_masks, hook.masks = True, Masks()
    show(hook, runner, step)
    found, valid = figures(runner), step.valid[:, 0].numpy()
    sgc = torch.from_numpy(
        bilinear(step.sgc.logits.double().numpy(), CROP // 2))
    for name, scores in dict(decoder=step.logits, sgc=sgc,
                             fused=step.label).items():
        accuracy, iou = quality(scores, masks, valid)
        assert found.pop(f'{name}.aAcc') == pytest.approx(accuracy, abs=0.1)
        assert found.pop(f'{name}.mIoU') == pytest.approx(iou, abs=0.1)
    assert found == pytest.approx(oracle([step]), rel=1e-5)


def one_rank(rank, port, path):
    """Log the figures of a batch of this rank's own."""
    torch.distributed.init_process_group(
        'gloo', init_method=f'tcp://127.0.0.1:{port}', rank=rank, world_size=2)
    runner = fake_runner(MMDistributedDataParallel(build(), device_ids=None))
    hook = PseudoLabelMonitorHook(interval=1)
    hook.before_train(runner)
    show(hook, runner, random_step(rank, images=2 + rank))
    path.write_bytes(pickle.dumps(figures(runner)))
    del runner, hook
    leave_process_group()


def test_two_processes_log_the_figures_of_both_batches(tmp_path):
    context, port = multiprocessing.get_context('fork'), free_port()
    paths = [tmp_path / str(rank) for rank in range(2)]
    ranks = [context.Process(target=one_rank, args=(rank, port, path))
             for rank, path in enumerate(paths)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join(300)
        rank.kill()
    expected = oracle([random_step(rank, images=2 + rank) for rank in (0, 1)])
    assert expected != pytest.approx(oracle([random_step(0, 2)]), rel=1e-5)
    for path in paths:
        found = pickle.loads(path.read_bytes())
        assert found == pytest.approx(expected, rel=1e-5)


def test_a_batch_of_nothing_but_padding_logs_nothing():
    runner, hook = fake_runner(), PseudoLabelMonitorHook(interval=1)
    hook.before_train(runner)
    step = random_step()
    show(hook, runner, step._replace(valid=torch.zeros_like(step.valid),
                                     inside=torch.zeros_like(step.inside)))
    assert not figures(runner)
    show(hook, runner, step._replace(weight=torch.zeros_like(step.weight)))
    assert figures(runner)['share.cat'] == 0 != figures(runner)['entropy']


@pytest.mark.parametrize('hook_type, work', [
    (PseudoLabelMonitorHook, '_sums'), (PseudoLabelPanelHook, '_maps')])
def test_nothing_is_made_between_the_due_iterations(monkeypatch, hook_type,
                                                    work):
    made, calls = [], []

    def count(*args, stock=semi_segmentor.PseudoLabelStep):
        made.append(runner.iter)
        return stock(*args)

    monkeypatch.setattr(semi_segmentor, 'PseudoLabelStep', count)
    runner, hook = fake_runner(), hook_type(interval=3)
    stock = getattr(hook, work)
    monkeypatch.setattr(
        hook, work, lambda step: [calls.append(runner.iter), stock(step)][1])
    hook.before_train(runner)
    monkeypatch.setattr(hook.model, '_iteration', lambda: runner.iter)
    hook.model.unsup_start = 5
    for _ in range(9):
        assert hook.model.observers == [] and hook.step is None
        losses = train_step(hook, runner)
        assert ('pseudo.confidence' in losses) == (runner.iter > 5)
    assert made == calls == [5, 8]  # 2 is due, too, but before L_u
    for history in runner.message_hub.log_scalars.values():
        assert len(history.data[0]) == 2


def test_it_keeps_no_gradient_and_listens_to_a_cascade():
    norm = dict(type='BN', requires_grad=True)
    common = dict(in_channels=64, in_index=3, channels=16, norm_cfg=norm,
                  num_classes=CLASSES, loss_decode=dict(
                      type='CrossEntropyLoss', avg_non_ignore=True))
    model = build(type='CascadeSemiSegmentor', num_stages=2, decode_head=[
        dict(type='FCNHead', num_convs=1, concat_input=False, **common),
        dict(type='OCRHead', ocr_channels=8, **common)])
    runner, hook = fake_runner(model), PseudoLabelMonitorHook(interval=1)
    hook.before_train(runner)
    steps = []
    model.observers.append(steps.append)
    train_step(hook, runner)
    assert figures(runner) == pytest.approx(oracle(steps), rel=1e-4)
    step = steps[0]
    for tensor in (step.logits, *step.sgc, step.label, step.weight):
        assert not tensor.requires_grad


@pytest.mark.parametrize('hook_type', [PseudoLabelMonitorHook,
                                       PseudoLabelPanelHook])
def test_refusals_name_hook_key_and_remedy(hook_type):
    name = hook_type.__name__
    with pytest.raises(ValueError, match=f'{name}.interval must be positive'):
        hook_type(interval=0)
    cfg = tiny_model(num_classes=CLASSES)
    for key in ('sgc_head', 'pseudo_label', 'unsup_loss'):
        cfg.pop(key)
    plain = MODELS.build(dict(cfg, type='EncoderDecoder'))
    with pytest.raises(TypeError, match=(
            f'{name} looks at .*EncoderDecoder.*custom_hooks.*SemiSegmentor')):
        hook_type(interval=1).before_train(fake_runner(plain))
    for names in (NAMES[1:], None):
        with pytest.raises(ValueError, match=(
                f'{name}.*decode_head.num_classes is 5.* {len(names or ())} '
                r'classes.*of the heads.*metainfo\.classes')):
            hook_type(interval=1).before_train(fake_runner(classes=names))


def test_configs_that_ship_it():
    for name in ('small/pseudoseg_animals_1_16', 'demo/pseudoseg_digits',
                 'small/pseudoseg_animals_1_4_tags'):
        cfg = Config.fromfile(ROOT / f'configs/{name}.py')
        hooks = {hook.type: hook for hook in cfg.custom_hooks}
        monitor = hooks['PseudoLabelMonitorHook']
        assert monitor.interval == cfg.default_hooks.logger.interval
        assert not monitor.get('hidden_masks', False)
        assert hooks['PseudoLabelPanelHook'].interval <= cfg.max_iters
        assert 'ReproducibleResumeHook' in hooks
