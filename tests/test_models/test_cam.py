"""Closed-form Grad-CAM against autograd; image-level labels by loops."""

import pytest
import torch
import torch.nn.functional as F

from mmseg_pseudoseg.models.utils import (
    add_background,
    class_activation_maps,
    image_labels_from_masks,
)


def grad_cam(feats, classifier, labels):
    """Grad-CAM as published, one class and image at a time."""
    maps = torch.zeros(len(feats), len(labels[0]), *feats.shape[2:],
                       dtype=feats.dtype)
    for n, image in enumerate(feats):
        leaf = image[None].clone().requires_grad_()
        logits = classifier(F.adaptive_avg_pool2d(leaf, 1)).flatten()
        for c, logit in enumerate(logits):
            gradient, = torch.autograd.grad(logit, leaf, retain_graph=True)
            channels = gradient[0].mean(dim=(1, 2))
            one = sum(w * f for w, f in zip(channels, image)).clamp(min=0)
            if labels[n][c] and one.max() > 0:
                maps[n, c] = one / one.max()
    return maps


def test_closed_form_equals_grad_cam_by_autograd():
    torch.manual_seed(0)
    feats = torch.randn(3, 8, 5, 6, dtype=torch.float64).relu()
    classifier = torch.nn.Conv2d(8, 4, 1).double()
    labels = torch.tensor([[1, 1, 0, 1], [1, 1, 1, 1], [0, 0, 0, 0]])
    cam = class_activation_maps(
        feats.requires_grad_(), classifier.weight.flatten(1), labels)
    expected = grad_cam(feats.detach(), classifier, labels.tolist())
    torch.testing.assert_close(cam.double(), expected, rtol=1e-5, atol=1e-6)
    assert not cam.requires_grad
    assert cam.min() == 0 and cam.max() == 1
    assert cam[labels == 0].eq(0).all()
    top = cam.amax(dim=(2, 3))[labels == 1]
    assert ((top == 1) | (top == 0)).all() and (top == 1).any()


def test_class_without_positive_response_is_zero():
    feats = torch.rand(1, 2, 3, 3)
    weight = torch.tensor([[-1., -1.], [1., 1.]])
    cam = class_activation_maps(feats, weight, torch.ones(1, 2))
    assert cam[0, 0].eq(0).all()
    assert cam[0, 1].max() == 1


@pytest.mark.parametrize('classes', [2, 5, 21])
def test_image_labels_equal_loops(classes):
    draw = torch.Generator().manual_seed(0)
    masks = torch.randint(0, classes, (4, 6, 7), generator=draw)
    masks[0], masks[1] = 0, 255
    masks[2] = 255
    masks[2, 3, 4] = classes - 1  # one pixel suffices
    masks[3, :2] = 255
    expected = [[
        float(any(v == c for row in mask.tolist() for v in row))
        for c in range(1, classes)
    ] for mask in masks]
    labels = image_labels_from_masks(masks, classes)
    assert labels.dtype == torch.float32
    assert labels.tolist() == expected


def test_background_plane_is_prepended():
    scores = torch.tensor([[[[.2, .9]], [[.5, .1]]]])
    expected = torch.tensor([[[[1.5, 1.1]], [[.2, .9]], [[.5, .1]]]])
    torch.testing.assert_close(add_background(scores, 2.), expected)


def test_more_classes_than_a_byte_holds():
    masks = torch.tensor([[[0, 299, 5]]])
    labels = image_labels_from_masks(masks, 300)
    assert labels.shape == (1, 299)
    assert labels.nonzero()[:, 1].tolist() == [4, 298]
