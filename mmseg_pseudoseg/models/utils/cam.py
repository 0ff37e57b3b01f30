"""Class activation maps and image-level labels, as plain functions.

Shape legend:
    N: images, C: classes with background, D: feature channels,
    H, W: image size, h, w: feature size.
"""

import torch
from torch import Tensor


def image_labels_from_masks(masks: Tensor, num_classes: int) -> Tensor:
    """Which foreground classes occur in each mask.

    One pixel suffices, background is dropped and every value outside the
    classes (255) is ignored, as in the authors' code (algorithm section 4).

    Args:
        masks (Tensor): Class ids, int64, (N, H, W), values 0..255.
        num_classes (int): C, background included.

    Returns:
        Tensor: 0 or 1, float32, (N, C-1).
    """
    present = masks.new_zeros((masks.shape[0], max(256, num_classes)),
                              dtype=torch.bool)
    present.scatter_(1, masks.flatten(1), True)
    return present[:, 1:num_classes].float()


def class_activation_maps(feats: Tensor, weight: Tensor,
                          image_labels: Tensor) -> Tensor:
    """Grad-CAM of a classifier that is global average pooling + linear.

    The gradient of such a classifier's logit is the same at every position, so
    Grad-CAM is ``relu(w . f)`` up to a factor that the division by the maximum
    removes: no backward pass is needed.

    Args:
        feats (Tensor): Features that the classifier pools, (N, D, h, w).
        weight (Tensor): The classifier's weight, (C-1, D).
        image_labels (Tensor): 0 or 1, (N, C-1). Maps of absent classes are 0.

    Returns:
        Tensor: (N, C-1, h, w) in [0, 1]; the maximum over space is 1 for each
        present class that has a positive response. No gradient.
    """
    with torch.no_grad():
        # As a product: a convolution lays out these small maps anew.
        cam = torch.matmul(weight, feats.flatten(2)).relu().float()
        cam = cam.unflatten(2, feats.shape[2:])
        cam = cam * image_labels.to(cam)[:, :, None, None]
        return cam / cam.amax(dim=(2, 3), keepdim=True).clamp(min=1e-5)


def add_background(scores: Tensor, top: float) -> Tensor:
    """Prepend the background plane ``top - max_c scores``.

    Args:
        scores (Tensor): Foreground scores, (N, C-1, h, w).
        top (float): The largest value that a score can take.

    Returns:
        Tensor: (N, C, h, w), background as channel 0.
    """
    return torch.cat([top - scores.amax(dim=1, keepdim=True), scores], dim=1)
