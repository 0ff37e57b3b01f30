"""Masks of a teacher, against loops in float64."""

import math
import os

import numpy as np
import pytest
import torch
from mmseg.registry import METRICS
from PIL import Image


def writer(folder, threshold=0.5, reduce_zero_label=False):
    metric = METRICS.build(dict(type='PseudoLabelWriter', threshold=threshold,
                                out_dir=str(folder / 'masks')))
    metric.dataset_meta = dict(classes=('a', 'b', 'c'),
                               reduce_zero_label=reduce_zero_label)
    return metric


def samples(count=2, channels=3):
    generator = torch.Generator().manual_seed(0)
    return [
        dict(img_path=f'somewhere/im_{i}.jpg', seg_logits=dict(
            data=2 * torch.randn(channels, 5 + i, 7, generator=generator)))
        for i in range(count)
    ]


def expected(logits, threshold):
    """One pixel after the other."""
    channels, height, width = logits.shape
    mask = np.full((height, width), 255)
    for y in range(height):
        for x in range(width):
            values = [math.exp(float(v)) for v in logits[:, y, x].double()]
            best = max(range(channels), key=values.__getitem__)
            if values[best] / sum(values) > threshold:
                mask[y, x] = best
    return mask


def read(folder, name):
    with Image.open(folder / 'masks' / name) as image:
        assert image.mode == 'L'
        return np.asarray(image)


@pytest.mark.parametrize('threshold', [0.0, 0.5, 0.9])
def test_masks_and_shares(tmp_path, threshold):
    metric, batch = writer(tmp_path, threshold), samples()
    metric.process({}, batch)
    masks = [expected(s['seg_logits']['data'], threshold) for s in batch]
    for i, mask in enumerate(masks):
        assert np.array_equal(read(tmp_path, f'im_{i}.png'), mask)
    pixels = np.concatenate([mask.ravel() for mask in masks])
    shares = metric.evaluate(size=2)
    assert shares['labeled'] == pytest.approx(100 * (pixels != 255).mean())
    for label, name in enumerate('abc'):
        assert shares[f'labeled.{name}'] == pytest.approx(
            100 * (pixels == label).mean())
    assert (0 < (pixels == 255).mean() < 1) == (threshold > 0)


def test_stored_ids_of_data_sets_that_reduce_the_zero_label(tmp_path):
    """The loader makes 255 of 0 and k - 1 of k."""
    batch = samples(1)
    writer(tmp_path, reduce_zero_label=True).process({}, batch)
    stored = read(tmp_path, 'im_0.png').astype(int)
    loaded = np.where(stored == 255, 255, stored - 1)
    assert np.array_equal(loaded, expected(batch[0]['seg_logits']['data'], .5))


def test_a_killed_write_leaves_no_mask(tmp_path, monkeypatch):
    metric = writer(tmp_path)
    monkeypatch.setattr(os, 'replace', lambda *_: (_ for _ in ()).throw(
        KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        metric.process({}, samples(1))
    assert not list((tmp_path / 'masks').glob('*.png'))


@pytest.mark.parametrize('threshold', [-0.1, 1.0])
def test_threshold_out_of_range(tmp_path, threshold):
    with pytest.raises(ValueError, match='threshold'):
        writer(tmp_path, threshold)


def test_one_channel_is_refused(tmp_path):
    with pytest.raises(ValueError, match='out_channels'):
        writer(tmp_path).process({}, samples(1, channels=1))
