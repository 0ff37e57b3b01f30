"""The method's arithmetic again, slowly: loops over pixels in float64."""

from math import exp, floor, log, sqrt

import numpy as np


def array(tensor):
    """As float64, to loop over."""
    return tensor.detach().double().numpy()


def bilinear(plane, size, align_corners):
    """Resize one plane (h, w) pixel by pixel."""
    out = np.empty(size)

    def neighbours(i, new, old):
        if align_corners:
            place = i * (old - 1) / (new - 1) if new > 1 else 0.
        else:
            place = max((i + .5) * old / new - .5, 0.)
        low = min(floor(place), old - 1)
        return low, min(low + 1, old - 1), place - low

    for y in range(size[0]):
        for x in range(size[1]):
            top, bottom, v = neighbours(y, size[0], plane.shape[0])
            left, right, u = neighbours(x, size[1], plane.shape[1])
            out[y, x] = ((1 - v) * ((1 - u) * plane[top, left] +
                                    u * plane[top, right]) +
                         v * ((1 - u) * plane[bottom, left] +
                              u * plane[bottom, right]))
    return out


def bilinear_maps(maps, size, align_corners):
    """Resize every plane of (N, C, h, w)."""
    return np.array([[bilinear(plane, size, align_corners) for plane in one]
                     for one in maps])


def nearest(plane, size):
    """Resize one plane (h, w) by its nearest upper left pixel."""
    return np.array([[
        plane[y * plane.shape[0] // size[0], x * plane.shape[1] // size[1]]
        for x in range(size[1])
    ] for y in range(size[0])])


def softmax(values):
    """Of one list of numbers."""
    top = max(values)
    powers = [np.exp(v - top) for v in values]
    return [p / sum(powers) for p in powers]


def shared_scale(decoder, sgc, norm):
    """Divisor of each pixel, (N, H, W)."""
    count, _, height, width = decoder.shape
    scale = np.ones((count, height, width))
    if norm == 'rms':
        squares = [v**2 for source in (decoder, sgc) for v in source.ravel()]
        scale[:] = sqrt(sum(squares) / len(squares) + 1e-8)
    elif norm == 'l2':
        for n, y, x in np.ndindex(scale.shape):
            scale[n, y, x] = sqrt(
                sum(v**2 for source in (decoder, sgc)
                    for v in source[n, :, y, x]))
    return scale


def fuse(decoder, sgc, gamma=.5, temperature=.5, norm='rms',
         source='fused', hard=False, threshold=None, align_corners=False):
    """Label and weight, pixel by pixel."""
    sgc = bilinear_maps(sgc, decoder.shape[2:], align_corners)
    scale = shared_scale(decoder, sgc, norm if source == 'fused' else None)
    label = np.empty(decoder.shape)
    weight = np.ones((len(decoder), 1, *decoder.shape[2:]))
    for n, y, x in np.ndindex(scale.shape):
        p, m = (softmax([v / scale[n, y, x] for v in maps[n, :, y, x]])
                for maps in (decoder, sgc))
        prob = dict(decoder=p, sgc=m,
                    fused=[gamma * a + (1 - gamma) * b for a, b in zip(p, m)])
        prob = prob[source]
        powers = [q**(1 / temperature) for q in prob]
        if hard:
            pixel = [float(q == max(prob)) for q in prob]
            confidence = max(prob)
        else:
            pixel = [q / sum(powers) for q in powers]
            confidence = max(pixel)
        label[n, :, y, x] = pixel
        if threshold is not None and confidence < threshold:
            weight[n, 0, y, x] = 0
    return label, weight


def soft_cross_entropy(logits, target, valid, weight=None):
    """``sum v w CE / sum v`` with loops."""
    logits, target = array(logits), array(target)
    above = below = 0.
    for n in range(len(logits)):
        for y in range(logits.shape[2]):
            for x in range(logits.shape[3]):
                if not valid[n, 0, y, x]:
                    continue
                pixel = logits[n, :, y, x]
                norm = log(sum(exp(v) for v in pixel))
                entropy = sum(t * (norm - v)
                              for t, v in zip(target[n, :, y, x], pixel))
                factor = 1 if weight is None else float(weight[n, 0, y, x])
                above, below = above + factor * entropy, below + 1
    return above / below
