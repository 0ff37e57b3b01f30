"""Batches and networks that these tests share."""

from collections import Counter

import torch
from conftest import tiny_model
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

CLASSES, CROP = 5, 33


def batch(classes=CLASSES, crop=CROP, tags=False, seed=0, images=2):
    """Views as they leave the preprocessor; some pixels are 255.

    Args:
        classes (int): C.
        crop (int): Height and width.
        tags (bool): Whether the weak view has image-level labels.
        seed (int): Of everything.
        images (int): N of each view.

    Returns:
        tuple[dict, dict]: Inputs (N, 3, H, W) and data samples by view.
    """
    draw = torch.Generator().manual_seed(seed)
    inputs, samples = {}, {}
    for view in ('labeled', 'weak', 'strong'):
        inputs[view] = torch.randn(images, 3, crop, crop, generator=draw)
        samples[view] = []
        for k in range(images):
            mask = torch.zeros(1, crop, crop, dtype=torch.int64)
            if view == 'labeled':
                mask[:, 2:crop // 2] = 1 + k % (classes - 1)
                mask[:, crop // 2:, crop // 3:] = 1 + (k + 2) % (classes - 1)
            if view != 'weak':
                mask[:, :, crop - 6 - 9 * k:] = 255
            one = SegDataSample(gt_sem_seg=PixelData(data=mask))
            one.set_metainfo(dict(img_shape=(crop, crop)))
            if tags and view == 'weak':
                present = torch.arange(classes - 1) % 2 == k % 2
                one.set_data(dict(image_labels=present.float()))
            samples[view].append(one)
    return inputs, samples


def build(seed=0, head=None, **kwargs):
    """A tiny SemiSegmentor in training mode.

    Args:
        seed (int): Of its weights.
        head (dict, optional): Changes to the decode head.
        **kwargs: Changes to the model.
    """
    cfg = tiny_model(num_classes=CLASSES, crop=CROP)
    cfg['decode_head'].update(head or {})
    cfg.update(kwargs)
    torch.manual_seed(seed)
    return MODELS.build(ConfigDict(cfg)).train()


def total(losses):
    """What the Runner minimises: the sum of the keys with ``loss``."""
    return sum(v for k, v in losses.items() if 'loss' in k)


def count_calls(module):
    """Count a module's forward passes from now on."""
    calls = Counter()
    module.register_forward_hook(lambda *_: calls.update(['forward']))
    return calls
