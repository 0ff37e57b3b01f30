"""Panels: the right tiles in the right colours, from the step alone."""

import cv2
import numpy as np
import pytest
import torch
from watching import (
    CLASSES,
    CROP,
    NAMES,
    PALETTE,
    fake_runner,
    random_step,
    show,
    views,
)

from mmseg_pseudoseg.datasets import MultiBranch, multi_branch_collate
from mmseg_pseudoseg.engine import PseudoLabelPanelHook
from mmseg_pseudoseg.engine.hooks import panel, pseudo_label_panel_hook
from mmseg_pseudoseg.engine.hooks.panel import BAR, GAP, TILE

TITLES = ['weak view', 'strong view', 'Grad-CAM', 'SGC map', 'decoder',
          'pseudo label', 'confidence']


def draw(step, data_batch=None, masks=None, **kwargs):
    """The pictures of one iteration, in order."""
    runner = fake_runner()
    hook = PseudoLabelPanelHook(interval=1, **kwargs)
    hook.before_train(runner)
    if masks is not None:
        class Masks:
            """Instead of the files."""

            def read(self, iteration, batch, size):
                return torch.from_numpy(masks)

        hook.hidden_masks, hook.masks = True, Masks()
    show(hook, runner, step, data_batch)
    pictures = runner.visualizer.images
    assert list(pictures) == [
        (f'pseudo_label_{k}', 1) for k in range(len(pictures))]
    return list(pictures.values())


def tile(picture, k, height=TILE, width=TILE):
    """The k-th tile."""
    left = GAP + k * (TILE + GAP)
    return picture[BAR:BAR + height, left:left + width]


def cells(image, rows, columns):
    """Colours in the middle of each cell, (rows, columns, 3)."""
    height, width = image.shape[:2]
    y = ((np.arange(rows) + 0.5) * height / rows).astype(int)
    x = ((np.arange(columns) + 0.5) * width / columns).astype(int)
    return image[y][:, x]


@pytest.fixture()
def texts(monkeypatch):
    """What is written into a picture."""
    written, stock = [], cv2.putText

    def put(image, text, *args):
        written.append(text)
        return stock(image, text, *args)

    monkeypatch.setattr(panel.cv2, 'putText', put)
    return written


def test_tiles_have_the_colours_of_their_classes(texts):
    step, batch = random_step(), views()
    pictures = draw(step, batch, num_images=2)
    assert len(pictures) == 2 and texts[:len(TITLES)] == TITLES
    half = CROP // 2
    for n, picture in enumerate(pictures):
        assert picture.shape[1] == GAP + len(TITLES) * (TILE + GAP)
        for k, scores in ((4, step.logits), (5, step.label)):
            expected = np.array(PALETTE)[scores[n].argmax(0).numpy()]
            assert np.array_equal(cells(tile(picture, k), half, half),
                                  expected)
        for k, view in enumerate(('weak', 'strong')):
            bgr = batch['inputs'][view][n].permute(1, 2, 0).numpy()
            found = cells(tile(picture, k), CROP, CROP).astype(int)
            near = abs(found - bgr[..., ::-1]).mean()
            assert near < 12 < abs(found - bgr).mean()  # RGB, not BGR


def test_sgc_map_is_enlarged_as_the_fusion_does_it():
    step = random_step()
    scores = torch.full_like(step.sgc.logits, -9.)
    scores[:, 3, :, :4], scores[:, 1, :, 4:] = 9., 9.
    step = step._replace(sgc=step.sgc._replace(logits=scores))
    found = cells(tile(draw(step)[0], 3), 16, 16)
    assert (found[:, :8] == PALETTE[3]).all()
    assert (found[:, 8:] == PALETTE[1]).all()


def test_grad_cam_glows_where_it_is_high_and_confidence_where_it_counts():
    step = random_step()
    cam = torch.zeros_like(step.sgc.cam)
    cam[:, 2, :4] = 1.
    label = torch.zeros_like(step.label)
    label[:, 1, :, :8], label[:, :, :, 8:] = 1., 1 / CLASSES
    weight = torch.ones_like(step.weight)
    weight[:, :, :4] = 0
    step = step._replace(sgc=step.sgc._replace(cam=cam), label=label,
                         weight=weight)
    batch = views()
    for images in batch['inputs'].values():
        images.zero_()
    picture = draw(step, batch)[0].astype(int).sum(2)
    glow = cells(tile(picture[..., None], 2), 8, 8)[..., 0]
    assert glow[:3].min() > 400 and glow[5:].max() < 9
    sure = cells(tile(picture[..., None], 6), 16, 16)[..., 0]
    assert (sure[:4] < 9).all()
    assert sure[4:, :8].min() > 500
    assert 30 < sure[4:, 8:].min() <= sure[4:, 8:].max() < 250


def test_the_erased_box_is_black_in_the_strong_view():
    np.random.seed(0)
    image = np.full((CROP, CROP, 3), 200, np.uint8)
    packed = MultiBranch(
        weak=[dict(type='PackSemiInputs')],
        strong=[dict(type='CutOut', size=16, canvas=(CROP, CROP)),
                dict(type='PackSemiInputs')])(dict(
                    img=image, seg_fields=['gt_seg_map'],
                    gt_seg_map=np.zeros((CROP, CROP), np.uint8)))
    picture = draw(random_step(), multi_branch_collate([packed]))[0]
    weak, strong = (cells(tile(picture, k), CROP, CROP) for k in (0, 1))
    (top, left, bottom, right), = packed['data_samples'][
        'strong'].erased_boxes
    assert (weak > 190).all()
    assert (strong[top + 1:bottom - 1, left + 1:right - 1] < 10).all()
    strong[top - 1:bottom + 1, left - 1:right + 1] = 200
    assert (strong > 190).all()


def test_padding_is_cut_off():
    step = random_step()
    label = torch.zeros_like(step.label)
    label[:, 1], label[:, 3, :, 12:], label[:, 3, 8:] = 0.5, 1., 1.
    step = step._replace(label=label, logits=label)
    sizes = [(16, 24)] * 3  # of 32 x 32: labels 8 x 12 of 16 x 16
    picture = draw(step, views(sizes=sizes))[0]
    height = TILE * 16 // 24
    found = tile(picture, 5, height)
    assert (found == PALETTE[1]).all()
    below = picture[BAR + height:BAR + height + GAP]
    assert (below == 255).all()
    assert (tile(picture, 0, height) != 255).any()


def test_legend_names_the_classes_that_occur(texts):
    step = random_step()
    label = torch.zeros_like(step.label)
    label[:, 1, :8], label[:, 3, 8:] = 1., 1.
    sgc = step.sgc._replace(logits=torch.zeros_like(step.sgc.logits))
    sgc.logits[:, 3] = 1.
    picture = draw(step._replace(label=label, logits=label, sgc=sgc),
                   num_images=1)[0]
    assert texts == [*TITLES, 'cat', 'dog']
    below = picture[BAR + TILE + GAP:].reshape(-1, 3)
    found = {tuple(c) for c in np.unique(below, axis=0)}
    assert tuple(PALETTE[1]) in found and tuple(PALETTE[3]) in found
    assert tuple(PALETTE[2]) not in found and tuple(PALETTE[4]) not in found


def test_a_long_legend_takes_more_lines():
    entries = [(f'a long name {k}', (k, 0, 0)) for k in range(1, 13)]
    image = panel.legend(entries, 300)
    assert image.shape[1] == 300 and image.shape[0] > 3 * BAR
    columns = [np.argwhere((image == colour).all(2)) for _, colour in entries]
    assert all(len(c) for c in columns)
    assert max(c[:, 1].max() for c in columns) < 300 - 50


def test_a_mask_is_a_tile_of_its_own_and_tags_are_told(texts):
    step = random_step()
    masks = np.zeros((3, CROP, CROP), np.int64)
    masks[:, :, 16:], masks[:, 24:] = 2, 255
    tags = torch.ones(3, CLASSES - 1)
    picture = draw(step._replace(image_labels=tags), masks=masks,
                   num_images=1)[0]
    titles = TITLES[:]
    titles[2] = 'Grad-CAM, tags'
    titles.insert(6, 'mask')
    assert texts[:8] == titles and texts[-1] == 'ignored'
    assert set(texts[8:-1]) == set(NAMES)
    assert picture.shape[1] == GAP + 8 * (TILE + GAP)
    found = cells(tile(picture, 6), 4, 2)
    assert (found[:3, 0] == PALETTE[0]).all()
    assert (found[:3, 1] == PALETTE[2]).all() and (found[3] == 255).all()


def test_number_of_images_and_its_refusal():
    assert len(draw(random_step(), num_images=1)) == 1
    assert len(draw(random_step(), num_images=9)) == 3
    with pytest.raises(ValueError, match='num_images must be positive'):
        PseudoLabelPanelHook(interval=1, num_images=0)


def test_a_palette_is_needed():
    with pytest.raises(ValueError, match=r'5 classes and 0 colours.*palette'):
        PseudoLabelPanelHook(interval=1).before_train(
            fake_runner(palette=None))


def test_one_process_draws(monkeypatch):
    monkeypatch.setattr(pseudo_label_panel_hook, 'is_main_process',
                        lambda: False)
    assert not draw(random_step())
