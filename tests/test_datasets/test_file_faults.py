"""Masks that show but one class, and what is said of a single fault."""

import numpy as np
import pytest

from mmseg_pseudoseg.datasets.file_faults import (
    Fault,
    label_outside,
    mask_colour,
    one_class,
    sentence,
    size_differs,
)


@pytest.mark.parametrize('values, labels, reduced, teaches, text', [
    ([0, 1], [0], True, True, 'after reduce_zero_label only class 0 is left'),
    ([0, 1], [0], True, False, 'after reduce_zero_label only class 0 is left'),
    ([0, 255], [], True, True, 'after reduce_zero_label no class is left'),
    ([0, 255], [0], False, True, 'hold 0 and 255 alone'),
    ([0, 255], [0], False, False, 'hold 0 and 255 alone'),
    ([0], [0], False, True, 'only class 0 is left in all masks'),
    ([2, 255], [2], False, True, 'only class 2 is left in all masks'),
    ([0], [0], False, False, ''), ([255], [], False, True, ''),
    ([1, 2], [0, 1], True, True, ''), ([0, 1, 255], [0, 1], False, True, ''),
    ([1], [0], True, False, ''), ([], [], True, True, '')])
def test_one_class(values, labels, reduced, teaches, text):
    told, remedy = one_class(values, labels, reduced, teaches)
    assert text in told and bool(told) == bool(text) == bool(remedy)
    if reduced and told:
        assert 'reduce_zero_label=False' in remedy


def test_a_sentence_names_file_cause_and_remedy():
    text = sentence(Fault('image_missing', 'a/b.jpg (there is b.JPG)'))
    assert text.startswith('a/b.jpg (there is b.JPG): image listed but miss')
    assert 'img_suffix' in text


def test_details():
    assert label_outside('m.png', 3, 3, 255).detail == (
        'm.png: label 3 is outside the 3 classes 0..2 and is not 255 (ignore)')
    assert '(4, 5)' in size_differs('m', (4, 5), 'i', [5, 4]).detail
    mask = np.zeros((2, 3, 3), np.uint8)
    assert mask_colour('m', mask, '3 channels').detail == (
        'm: 3 channels, three equal channels')
    mask[0, 0] = 128, 0, 0
    assert mask_colour('m', mask, 'mode RGB').detail == (
        'm: mode RGB, 2 colours, the last is (128, 0, 0)')
