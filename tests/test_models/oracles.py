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


class SGCOracle:
    """Sections 1-3 of the method, position by position, for one head."""

    def __init__(self, made):
        self.weights = {k: array(v) for k, v in made.named_parameters()}
        self.made = made

    def linear(self, name, vectors):
        """A bias-free 1x1 convolution: (positions, in) -> (positions, out)."""
        weight = self.weights[f'{name}.weight'][:, :, 0, 0]
        return [[sum(w * v for w, v in zip(row, vector)) for row in weight]
                for vector in vectors]

    def classify(self, last):
        """Logits of one image from its last stage (D, h, w)."""
        pooled = [sum(plane.ravel()) / plane.size for plane in last]
        return [logit + bias for logit, bias in zip(
            self.linear('conv_cls', [pooled])[0],
            self.weights['conv_cls.bias'])]

    def cam(self, last, labels):
        """Grad-CAM of one image, lists (positions, C-1)."""
        positions = last.reshape(len(last), -1).T
        scores = self.linear('conv_cls', positions)
        columns = []
        for c, label in enumerate(labels):
            column = [max(row[c], 0.) * label for row in scores]
            columns.append([v / max(max(column), 1e-5) for v in column])
        return [list(row) for row in zip(*columns)]

    def attention(self, maps, mask):
        """Rows of attention weights of one image (L, L)."""
        column = np.concatenate([
            [bilinear(plane, maps[-1].shape[1:], self.made.align_corners)
             for plane in one] for one in maps
        ])
        column = column.reshape(len(column), -1).T
        query, key = self.linear('query', column), self.linear('key', column)
        rows = []
        for i, q in enumerate(query):
            rows.append(softmax([
                sum(a * b for a, b in zip(q, k)) / sqrt(len(q))
                if mask[j] else -np.inf for j, k in enumerate(key)
            ]) if mask[i] else [1 / len(key)] * len(key))
        return rows

    def scores(self, cam, rows):
        """Scores with background of one image, lists (positions, C)."""
        before = self.made.background == 'before'
        value = [[1 - max(m), *m] for m in cam] if before else cam
        total = []
        for i, own in enumerate(value):
            spread = [sum(w * v[c] for w, v in zip(rows[i], value))
                      for c in range(len(own))]
            total.append([a + b for a, b in zip(spread, own)])
        return total if before else [[2 - max(s), *s] for s in total]

    def normalise(self, maps):
        """Batch norm without scale over all images and positions."""
        maps = np.array(maps)  # (N, positions, C)
        out = np.empty_like(maps)
        for c in range(maps.shape[2]):
            values = [float(v) for v in maps[:, :, c].ravel()]
            mean = sum(values) / len(values)
            variance = sum((v - mean)**2 for v in values) / len(values)
            out[:, :, c] = (maps[:, :, c] - mean) / sqrt(variance + 1e-3)
        return out + self.weights['norm.bias']

    def __call__(self, feats, labels, valid):
        images = []
        logits = []
        cams = []
        size = feats[self.made.in_index[-1]].shape[2:]
        for n in range(len(feats[0])):
            maps = [array(feats[i][n]) for i in self.made.in_index]
            logits.append(self.classify(maps[-1]))
            present = labels[n] if labels is not None else [
                float(1 / (1 + exp(-v)) >= self.made.threshold)
                for v in logits[-1]
            ]
            cams.append(self.cam(maps[-1], present))
            mask = np.ones(size) if valid is None else nearest(
                array(valid[n, 0]), size)
            images.append(self.linear('project', self.scores(
                cams[-1], self.attention(maps, mask.ravel()))))
        shape = (len(images), *size, -1)
        back = (0, 3, 1, 2)
        return (np.array(logits), np.array(cams).reshape(shape).transpose(
            back), self.normalise(images).reshape(shape).transpose(back))
