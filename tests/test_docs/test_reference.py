"""The reference builds without a warning and shows every public name."""

import importlib
import re
import sys

import pytest
from pages import ROOT
from test_docstrings import PUBLIC

pytest.importorskip('pdoc', reason='pip install -r requirements/docs.txt')


@pytest.fixture(scope='module')
def pages(tmp_path_factory) -> dict:
    """Text of the pages, by module."""
    sys.path.insert(0, str(ROOT / 'docs'))
    folder = tmp_path_factory.mktemp('reference')
    importlib.import_module('make_reference').build(folder)
    return {'.'.join(path.relative_to(folder).with_suffix('').parts):
            path.read_text() for path in folder.rglob('*.html')}


def test_every_public_name_is_shown_with_its_text(pages):
    everything = ' '.join(pages.values())
    for name, thing in PUBLIC.items():
        short = name.rsplit('.', 1)[1]
        assert re.search(rf'id="{short}"', everything), name
        first = re.split(r'[`.:*"\'<>&]', thing.__doc__.strip())[0]
        assert ' '.join(first.split()) in ' '.join(everything.split()), name


def test_subpackages_have_pages(pages):
    assert {'mmseg_pseudoseg.models', 'mmseg_pseudoseg.models.utils',
            'mmseg_pseudoseg.datasets', 'mmseg_pseudoseg.engine',
            'mmseg_pseudoseg.evaluation', 'index'} <= set(pages)


def test_a_warning_ends_the_build(tmp_path, monkeypatch):
    module = importlib.import_module('make_reference')
    monkeypatch.setattr(
        module, 'public_modules',
        lambda: ['mmseg_pseudoseg.models.losses', 'no_such_module_at_all'])
    with pytest.raises((SystemExit, RuntimeError),
                       match='no_such_module_at_all'):
        module.build(tmp_path)
