"""Tag files: every mistake is an error that names file and line."""

import numpy as np
import pytest

from mmseg_pseudoseg.datasets.image_labels import read_tag_file

CLASSES = ('background', 'cat', 'potted plant', 'cow')
IDS = ['a', 'b_2', 'c']


@pytest.fixture()
def read(tmp_path):
    """Write lines to a file and read it."""
    path = tmp_path / 'tags.txt'

    def call(*lines, classes=CLASSES):
        path.write_text('\n'.join(lines) + '\n')
        return read_tag_file(str(path), IDS, classes)

    return call


def test_tabs_keep_blanks_in_class_names(read):
    labels = read('c\tcow\tpotted plant', 'a', '', 'b_2\tcat')
    assert labels.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 1]]
    assert labels.dtype == np.uint8


def test_blanks_separate_where_a_line_has_no_tab(read):
    labels = read('  a cow   cat ', '\t', 'b_2 cow cow', 'c\tpotted plant\t')
    assert labels.tolist() == [[1, 0, 1], [0, 0, 1], [0, 1, 0]]


@pytest.mark.parametrize('lines, message', [
    (['a', 'b_2 cat', 'c dog'], r'line 3: unknown class .dog.*cat, potted'),
    (['a', '', 'c\tcat cow', 'b_2'], r"line 3: unknown class 'cat cow'"),
    (['a', 'b_2 background', 'c'], r"line 2: unknown class 'background'"),
    (['a', 'b_2', 'c', 'd cat'], r"line 4: image 'd' is not in the unlabel"),
    (['a', 'b_2', 'a cat', 'c'], r"line 3: image 'a' stands .* in line 1"),
    (['a cat', 'b_2'], r"no line for 1 of 3 unlabelled images.*'c'"),
    ([], r"no line for 3 of 3 unlabelled images.*'a'"),
])
def test_mistakes_name_file_and_line(read, lines, message):
    with pytest.raises(ValueError, match=message) as error:
        read(*lines)
    assert 'tags.txt' in str(error.value)


@pytest.mark.parametrize('lines, message', [
    (['a,cat', 'b_2', 'c'], r"line 1: 'a,cat' is no image; separate the words "
     'by blanks or tabs, not commas'),
    (['a;cat;cow', 'b_2', 'c'], 'by blanks or tabs, not commas'),
    (['a cat, cow', 'b_2', 'c'], r"unknown class 'cat,'; separate the words"),
    (['a', 'b_2.jpg cat', 'c'], r'line 2: .*; give the name without suffix: '
     'b_2'),
    (['a', 'b_2', 'images/c.png'], r'line 3: .* the name without folder and '
     'suffix: c'),
    (['a', 'b_2', 'images\\c.png'], 'without folder and suffix: c'),
    (['a potted plant', 'b_2', 'c'], r"unknown class 'potted'; names of .* "
     'need tabs'),
    (['a', 'b_2', 'c', 'd'], r"image 'd' is not in the unlabelled list or fol"
     '.*or remove the line')])
def test_the_cause_comes_before_a_remedy(read, lines, message):
    with pytest.raises(ValueError, match=message):
        read(*lines)


@pytest.mark.parametrize('lines', [
    ['x cat', 'y', 'z'], ['a,cat', 'b_2,', 'c,cow'],
    ['a.jpg cat', 'b_2.jpg', 'c.jpg']])
def test_no_remedy_would_empty_the_file(read, lines):
    with pytest.raises(ValueError) as error:
        read(*lines)
    assert 'remove' not in str(error.value)
    if lines[0] == 'x cat':
        assert "has a name such as 'a'" in str(error.value)


def test_a_name_with_a_comma_is_a_name(tmp_path):
    path = tmp_path / 'tags.txt'
    path.write_bytes('\ufeffa,b cat\n\n'.encode())
    assert read_tag_file(str(path), ['a,b'], CLASSES).tolist() == [[1, 0, 0]]
