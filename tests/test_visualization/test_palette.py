"""Colours for classes that have none."""

import numpy as np
from mmengine.config import Config
from mmseg.registry import DATASETS

from mmseg_pseudoseg.visualization import distinct_colours, fill_palettes


def lab(rgb):
    """CIELAB of sRGB in 0..1, by its definition (D65)."""
    rgb = np.asarray(rgb, float) / 255
    linear = np.where(rgb <= .04045, rgb / 12.92, ((rgb + .055) / 1.055)**2.4)
    xyz = linear @ np.array([[.4124564, .2126729, .0193339],
                             [.3575761, .7151522, .1191920],
                             [.1804375, .0721750, .9503041]])
    t = xyz / [.950456, 1, 1.088754]
    f = np.where(t > (6 / 29)**3, np.cbrt(t), t * (29 / 6)**2 / 3 + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]),
                     200 * (f[:, 1] - f[:, 2])], 1)


def test_colours_are_far_apart():
    """And from black, the background, and white, ignored pixels."""
    for number, least in ((3, 60), (8, 50), (21, 25), (64, 15), (150, 10)):
        palette = distinct_colours(number)
        assert palette[0] == [0, 0, 0] and len(palette) == number
        points = lab(palette + [[255] * 3])
        distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
        assert distance[~np.eye(len(points), dtype=bool)].min() > least
        assert (points[1:, 0] > 40).all()


def test_a_class_keeps_its_colour():
    assert distinct_colours(300)[:21] == distinct_colours(21)
    assert {tuple(c) for c in distinct_colours(300)[1:]}.isdisjoint(
        {(0, 0, 0), (255, 255, 255)})


def part(**metainfo):
    return dict(type='BaseSegDataset', metainfo=metainfo, lazy_init=True)


def test_data_sets_that_name_classes_alone():
    own = [[1, 2, 3], [4, 5, 6]]
    cfg = Config(dict(
        train_dataloader=dict(dataset=dict(
            labeled=part(classes=('a', 'b', 'c'), palette=[]),
            unlabeled=part(classes=('a', 'b', 'c')))),
        val_dataloader=dict(dataset=dict(type='ConcatDataset', datasets=[
            part(classes=('a', 'b'), palette=own),
            part(classes=('a', 'b'), palette=None)])),
        test_dataloader=dict(dataset=dict(
            type='PascalVOCDataset', metainfo=dict(
                classes=('background', 'cat'))))))
    fill_palettes(cfg)
    train = cfg.train_dataloader.dataset
    assert train.labeled.metainfo.palette == distinct_colours(3)
    assert train.unlabeled.metainfo.palette == distinct_colours(3)
    first, second = cfg.val_dataloader.dataset.datasets
    assert first.metainfo.palette == own
    assert second.metainfo.palette == distinct_colours(2)
    assert 'palette' not in cfg.test_dataloader.dataset.metainfo
    built = DATASETS.build(train.labeled)
    assert built.metainfo['palette'] == distinct_colours(3)
    fill_palettes(Config(dict(model=dict())))
