"""Propagation of scores against loops, and who is attended to."""

from math import sqrt

import numpy as np
import pytest
import torch
from oracles import array, softmax
from plain_step import pair_mask

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


def test_equals_loops_over_pairs_of_valid_positions():
    scores, query, key, valid = maps()
    mask = valid.flatten(1).tolist()
    # Of a masked pair the authors add -1e9, which in float32 leaves nothing
    # of the product: an invalid query attends to all positions alike.
    pairs = oracle(
        scores, query * valid, key,
        lambda n, i, j: -np.inf if mask[n][i] and not mask[n][j] else 0)
    np.testing.assert_allclose(
        propagate(scores, query, key, valid), pairs, atol=1e-12)


def test_equals_the_authors_sum_in_float32():
    *values, valid = maps()
    values = [x.float() for x in values]
    s, q, k = (x.flatten(2).transpose(1, 2) for x in values)
    pairs = valid.flatten(2).transpose(1, 2) & valid.flatten(2)
    rows = q @ k.transpose(1, 2) / sqrt(q.shape[2]) - 1e9 * ~pairs
    torch.testing.assert_close(
        propagate(*values, valid),
        (rows.softmax(2) @ s).transpose(1, 2).reshape(values[0].shape),
        atol=1e-6, rtol=0)


def test_gradients_are_those_of_masked_pairs():
    *values, valid = maps()
    values = [x.requires_grad_() for x in values]
    weight = torch.randn(values[0].shape, dtype=torch.float64)
    found, expected = (torch.autograd.grad(
        (f(*values, valid) * weight).sum(), values)
        for f in (propagate, pair_mask))
    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other, atol=1e-14, rtol=0)
    for one in found[1:]:  # of an image without a valid position
        assert one[1].eq(0).all() and one[0].ne(0).any()


def test_padding_is_never_attended_to():
    scores, query, key, valid = maps()
    before = propagate(scores, query, key, valid)
    noise = ~valid * torch.randn_like(scores)
    noise[1] = 0
    after = propagate(scores + 100 * noise, query, key + noise[:, :1], valid)
    real = valid.expand_as(scores)
    assert torch.equal(before[real], after[real])
    after = propagate(scores + 100 * noise, query, key, None)
    assert not torch.allclose(before[0], after[0])


@pytest.mark.parametrize('embed, channels', [
    (128, 20), (128, 80), (128, 1), (6, 4), (32, 171)])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('layout', [
    torch.contiguous_format, torch.channels_last])
def test_the_fused_kernel_serves(embed, channels, dtype, layout):
    """Forward and backward, and equal to the plain one.

    As in the head, query and key are halves of one map; with channels_last
    they enter as they lie.
    """
    attention = pytest.importorskip(
        'torch.nn.attention', reason='torch before 2.3')
    kinds = attention.SDPBackend
    draw = torch.Generator().manual_seed(0)
    scores, both = (
        torch.randn(2, c, 5, 7, generator=draw).to(dtype, memory_format=layout)
        for c in (channels, 2 * embed))
    valid = torch.ones(2, 1, 5, 7, dtype=torch.bool)
    valid[1, :, 3:] = False
    found = []
    for kind in (kinds.FLASH_ATTENTION, kinds.MATH):
        leaf = both.clone().requires_grad_()
        with attention.sdpa_kernel(kind):  # an error where this kind cannot
            out = propagate(scores, *leaf.chunk(2, dim=1), valid)
            found.append((out, *torch.autograd.grad(
                (out.float() * torch.arange(35.).view(5, 7)).sum(), leaf)))
    for one, other in zip(*found):
        scale = other.abs().max().item()
        atol = scale * (1e-5 if dtype == torch.float32 else 5e-2)
        torch.testing.assert_close(one, other, atol=atol, rtol=0)


def test_nothing_of_the_size_of_all_pairs_is_kept():
    """At 65 x 65 positions (crop 1025): 71 MB an image otherwise."""
    # Before it, torch's fused kernel for CPUs takes no mask.
    pytest.importorskip('torch.nn.attention', reason='torch before 2.3')
    kept = []

    def note(tensor):
        kept.append(tensor.numel())
        return tensor

    scores = torch.rand(1, 20, 65, 65)
    query, key = (torch.randn(1, 128, 65, 65, requires_grad=True)
                  for _ in range(2))
    valid = torch.ones(1, 1, 65, 65, dtype=torch.bool)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
        propagate(scores, query, key, valid)
    assert 128 * 65**2 <= max(kept) < 65**4 / 10
