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
