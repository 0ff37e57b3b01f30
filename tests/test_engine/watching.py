"""Steps, runners and models for the hooks that look at pseudo labels."""

from types import SimpleNamespace

import numpy as np
import torch
from conftest import tiny_model
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_pseudoseg.datasets import multi_branch_collate
from mmseg_pseudoseg.models.decode_heads import SGCOutput
from mmseg_pseudoseg.models.segmentors import PseudoLabelStep

CLASSES, CROP = 5, 32
NAMES = ('background', 'cat', 'cow', 'dog', 'horse')
PALETTE = [[0, 0, 0], [200, 10, 20], [30, 210, 40], [50, 60, 220],
           [240, 230, 10]]


def build(**kwargs):
    """A tiny SemiSegmentor in training mode."""
    cfg = tiny_model(num_classes=CLASSES, crop=CROP)
    cfg.update(kwargs)
    torch.manual_seed(0)
    return MODELS.build(cfg).train()


def random_step(seed=0, images=3, size=CROP, weight=True):
    """A PseudoLabelStep of noise with padding, a hole and unused pixels.

    Labels are size/2, SGC maps size/4.
    """
    draw = torch.Generator().manual_seed(seed)

    def noise(*shape):
        return torch.randn(*shape, generator=draw)

    valid = torch.ones(images, 1, size, size, dtype=torch.bool)
    valid[0, :, :, 3 * size // 4:] = False
    valid[-1, :, 4:10, 6:14] = False
    shape = images, CLASSES, size // 2, size // 2
    label = (3 * noise(*shape)).softmax(1)
    used = (label.amax(1, keepdim=True) > 0.6).float()
    small = size // 4
    sgc = SGCOutput(
        noise(images, CLASSES - 1),
        noise(images, CLASSES - 1, small, small).sigmoid(),
        noise(images, CLASSES, small, small))
    return PseudoLabelStep(
        2 * noise(*shape), sgc, label,
        used if weight else torch.ones_like(used),
        valid[:, :, ::2, ::2].float(), valid, None)


def views(seed=0, images=3, sizes=None):
    """A collated batch with uint8 views of the given sizes (BGR)."""
    draw = torch.Generator().manual_seed(seed)
    return multi_branch_collate([
        dict(inputs={
            view: torch.randint(0, 256, (3, *size), generator=draw).byte()
            for view in ('weak', 'strong')},
             data_samples=dict.fromkeys(('weak', 'strong'), SegDataSample()))
        for size in sizes or [(CROP, CROP)] * images])


class Log:
    """Keeps warnings."""

    def __init__(self):
        self.warnings = []

    def warning(self, text):
        self.warnings.append(text)


class Pictures:
    """A visualizer that keeps pictures by name and step."""

    def __init__(self):
        self.images = {}

    def add_image(self, name, image, step):
        assert image.dtype == np.uint8 and image.ndim == 3
        self.images[name, step] = image


def fake_runner(model=None, **meta):
    """As much of a Runner as the hooks read; iteration 0."""
    meta = {**dict(classes=NAMES, palette=PALETTE), **meta}
    dataset = SimpleNamespace(metainfo=meta)
    return SimpleNamespace(
        iter=0,
        model=model if model is not None else build(),
        train_dataloader=SimpleNamespace(dataset=dataset),
        message_hub=MessageHub('test_pseudo_label_hooks'),
        logger=Log(),
        visualizer=Pictures())


def show(hook, runner, step, data_batch=None):
    """One iteration in which the network makes ``step``."""
    hook.before_train_iter(runner, runner.iter)
    for observe in list(hook.model.observers):
        observe(step)
    hook.after_train_iter(runner, runner.iter, data_batch or views(), {})
    runner.iter += 1


def train_step(hook, runner):
    """One iteration of the network itself, up to the losses."""
    inputs, samples = {}, {}
    draw = torch.Generator().manual_seed(runner.iter)
    for view in ('labeled', 'weak', 'strong'):
        inputs[view] = torch.randn(2, 3, CROP, CROP, generator=draw)
        mask = torch.zeros(1, CROP, CROP, dtype=torch.int64)
        mask[:, :9] = view == 'labeled'
        samples[view] = [
            SegDataSample(gt_sem_seg=PixelData(data=mask),
                          metainfo=dict(img_shape=(CROP, CROP)))
            for _ in range(2)]
    hook.before_train_iter(runner, runner.iter)
    losses = hook.model.loss(inputs, samples)
    hook.after_train_iter(runner, runner.iter, views(images=2), losses)
    runner.iter += 1
    return losses


def figures(runner):
    """The last value of what was logged under ``pseudo.``."""
    start = 'train/pseudo.'
    return {
        name[len(start):]: history.current()
        for name, history in runner.message_hub.log_scalars.items()
        if name.startswith(start)
    }
