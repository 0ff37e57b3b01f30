"""Bins and errors against loops, netcal and closed forms."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from mmseg_pseudoseg.evaluation import (
    Bins,
    bin_pixels,
    expected_error,
    maximum_error,
    reliability_diagram,
    top_label,
)


def pixels(count=4000, classes=3, seed=0):
    """Confidences that are too high, labels, and truths with ignored ones."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(1 / classes, 1, count)
    label = rng.integers(0, classes, count)
    right = rng.uniform(size=count) < confidence ** 2
    truth = np.where(right, label, (label + 1) % classes)
    truth[rng.uniform(size=count) < 0.1] = 255
    return confidence, label, truth


def loop(confidence, label, truth, bins, only=None):
    """ECE and MCE, one pixel after the other."""
    held = {}
    for p, predicted, true in zip(confidence, label, truth):
        if true != 255 and only in (None, predicted):
            place = 0
            while p > Fraction(place + 1, bins):
                place += 1
            held.setdefault(place, []).append((p, predicted == true))
    total = sum(map(len, held.values()))
    gaps = {k: abs(math.fsum(p - hit for p, hit in v)) / len(v)
            for k, v in held.items()}
    return (sum(len(held[k]) / total * gaps[k] for k in held),
            max(gaps.values()))


def binned(confidence, label, truth, classes=3, bins=15, **kwargs):
    if not torch.is_tensor(confidence):
        confidence = torch.tensor(confidence, dtype=torch.float64)
    return bin_pixels(confidence, torch.as_tensor(label),
                      torch.as_tensor(truth), classes, bins, **kwargs)


@pytest.mark.parametrize('bins', [1, 7, 15])
def test_errors_against_a_loop(bins):
    data = pixels()
    found = binned(*data, bins=bins)
    pooled = found.pooled()
    ece, mce = loop(*data, bins)
    assert float(expected_error(pooled)) == pytest.approx(ece, abs=1e-12)
    assert float(maximum_error(pooled)) == pytest.approx(mce, abs=1e-12)
    assert ece > 0.05
    for k in range(3):
        ece, mce = loop(*data, bins, only=k)
        assert float(expected_error(found)[k]) == pytest.approx(ece, abs=1e-12)
        assert float(maximum_error(found)[k]) == pytest.approx(mce, abs=1e-12)


def test_errors_against_netcal():
    metrics = pytest.importorskip(
        'netcal.metrics', reason='netcal is not installed')
    rng = np.random.default_rng(1)
    logits = rng.normal(scale=2, size=(4, 50, 60))
    prob = np.exp(logits) / np.exp(logits).sum(0)
    truth = rng.integers(0, 4, (50, 60))
    found = bin_pixels(*top_label(torch.tensor(logits)), torch.tensor(truth),
                       4, 15)
    rows, labels = prob.reshape(4, -1).T, truth.ravel()
    for name, value in dict(
            ECE=expected_error(found.pooled()),
            MCE=maximum_error(found.pooled())).items():
        expected = getattr(metrics, name)(15).measure(rows, labels)
        assert float(value) == pytest.approx(expected, abs=1e-9)
    for k in range(4):
        chosen = rows.argmax(1) == k
        expected = metrics.ECE(15).measure(rows[chosen], labels[chosen])
        assert float(expected_error(found)[k]) == pytest.approx(
            expected, abs=1e-9)


def test_edges_belong_to_the_bin_below_and_both_ends_count():
    values = [0, 0.25, math.nextafter(0.25, 1), 0.5, 0.75, 1]
    found = binned(values, [0] * 6, [0] * 6, classes=1, bins=4)
    assert found.count.tolist() == [[2, 2, 1, 1]]
    # 0.1 is not a float32; the nearest one is larger.
    single = torch.tensor([0.1])
    assert binned(single, [0], [0], 1, 10).count[0].tolist()[:2] == [0, 1]


def test_sure_and_right_sure_and_wrong():
    right = binned([1.0] * 4, [1] * 4, [1] * 4)
    assert float(expected_error(right.pooled())) == 0
    wrong = binned([1.0] * 4, [1] * 4, [2, 2, 2, 255])
    assert float(expected_error(wrong.pooled())) == 1
    assert int(wrong.count.sum()) == 3
    unsure = binned([0.0] * 2, [1] * 2, [1] * 2)
    assert float(maximum_error(unsure.pooled())) == 1


def test_an_empty_bin_is_no_gap_and_no_pixel_is_nan():
    found = binned([0.9, 0.9], [1, 1], [1, 255], bins=2)
    assert maximum_error(found)[1] == pytest.approx(0.1)
    nothing = binned([0.9, 0.9], [1, 1], [255, 255])
    for bins in (found, nothing):
        assert expected_error(bins)[[0, 2]].isnan().all()
        assert maximum_error(bins)[[0, 2]].isnan().all()
    assert expected_error(nothing.pooled()).isnan()
    assert maximum_error(nothing.pooled()).isnan()


def test_sums_of_parts():
    data = pixels()
    parts = [binned(*(x[i::3] for x in data)) for i in range(3)]
    total, whole = sum(parts, Bins.zeros(3, 15)), binned(*data)
    assert torch.equal(total.count, whole.count)
    assert torch.equal(total.right, whole.right)
    torch.testing.assert_close(total.confidence, whole.confidence)
    assert total.count.dtype == total.right.dtype == torch.int64
    assert total.confidence.dtype == torch.float64


def test_another_ignore_index():
    found = binned([0.9] * 3, [1] * 3, [7, 1, 0], ignore_index=7)
    assert int(found.count.sum()) == 2


def test_labels_out_of_range_are_named():
    with pytest.raises(ValueError, match='class 255, but there are 3 classes'):
        binned([0.9] * 2, [1] * 2, [0, 255], ignore_index=254)


def test_top_label_of_logits_and_of_a_probability():
    logits = torch.tensor([[0., 2, -1]]).reshape(1, 1, 3)
    pair = torch.cat([torch.zeros_like(logits), logits])
    for one, two in zip(top_label(logits.sigmoid()), top_label(pair)):
        torch.testing.assert_close(one, two)
    confidence, label = top_label(pair.half())
    assert confidence.dtype == torch.float32
    assert label.tolist() == [[0, 1, 0]]
    assert confidence[0, 1] == pytest.approx(1 / (1 + math.exp(-2)))
    with pytest.raises(ValueError, match='sigmoid'):
        top_label(logits)


def test_diagram_shows_accuracy_and_share():
    bins = binned([0.2, 0.9, 0.9, 0.9], [0] * 4, [0, 0, 1, 1], bins=2)
    figure = reliability_diagram(dict(one=bins.pooled(), two=bins.pooled()))
    panel = figure.axes[1]
    assert [bar.get_height() for bar in panel.patches[:2]] == pytest.approx(
        [1, 1 / 3])
    assert panel.patches[2].get_data().values.tolist() == [0.25, 0.75]
    ece = (abs(1 - 0.2) + abs(1 - 2.7)) / 4
    assert panel.get_title() == f'two\nECE {100 * ece:.1f} %'
