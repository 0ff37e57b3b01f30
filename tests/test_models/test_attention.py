"""Propagation of scores against loops, and who is attended to."""

from math import sqrt

import numpy as np
import torch
from oracles import array, softmax

from mmseg_pseudoseg.models.utils import propagate

SHAPE = (3, 5)


def maps(images=3, seed=0):
    """Scores of 4 channels, queries and keys of 6, and a mask."""
    draw = torch.Generator().manual_seed(seed)
    scores, query, key = (
        torch.randn(images, c, *SHAPE, generator=draw, dtype=torch.float64)
        for c in (4, 6, 6))
    valid = torch.ones(images, 1, *SHAPE, dtype=torch.bool)
    valid[0, :, :, 3:] = False
    valid[1] = False
    return scores, query, key, valid


def tokens(x):
    """(N, channels, h, w) -> lists over N, L, channels."""
    return array(x).reshape(*x.shape[:2], -1).swapaxes(1, 2)


def oracle(scores, query, key, allowed):
    """Weighted means by loops; ``allowed(n, i, j)`` is added to a score."""
    s, q, k = map(tokens, (scores, query, key))
    out = np.empty_like(s)
    for n, i in np.ndindex(s.shape[:2]):
        weights = softmax([
            sum(a * b for a, b in zip(q[n, i], k[n, j])) / sqrt(len(q[n, i]))
            + allowed(n, i, j) for j in range(s.shape[1])
        ])
        out[n, i] = sum(w * row for w, row in zip(weights, s[n]))
    return out.swapaxes(1, 2).reshape(scores.shape)


def test_equals_loops_without_mask():
    scores, query, key, _ = maps()
    np.testing.assert_allclose(
        propagate(scores, query, key),
        oracle(scores, query, key, lambda n, i, j: 0), atol=1e-12)


def test_equals_loops_over_valid_keys():
    scores, query, key, valid = maps()
    mask = valid.flatten(1).clone()
    mask[1] = True  # the image without a valid position attends everywhere
    np.testing.assert_allclose(
        propagate(scores, query, key, valid),
        oracle(scores, query, key,
               lambda n, i, j: 0 if mask[n, j] else -np.inf), atol=1e-12)


def test_equals_the_authors_pair_mask_where_the_query_is_valid():
    scores, query, key, valid = maps()
    mask = valid.flatten(1).tolist()
    pairs = oracle(scores, query, key,
                   lambda n, i, j: -1e9 * (1 - mask[n][i] * mask[n][j]))
    real = valid.expand_as(scores).numpy()
    found = propagate(scores, query, key, valid).numpy()
    np.testing.assert_allclose(found[real], pairs[real], atol=1e-12)
    assert not np.allclose(found[0], pairs[0])  # elsewhere they may differ


def test_padding_is_never_attended_to():
    scores, query, key, valid = maps()
    before = propagate(scores, query, key, valid)
    noise = ~valid * torch.randn_like(scores)
    noise[1] = 0
    after = propagate(scores + 100 * noise, query, key + noise[:, :1], valid)
    assert torch.equal(before, after)
    after = propagate(scores + 100 * noise, query, key, None)
    assert not torch.allclose(before[0], after[0])
