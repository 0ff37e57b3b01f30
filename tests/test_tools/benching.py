"""What the tests of the benchmarks share."""

import sys

import pytest
from tiny import TOOLS


class Clock:
    """Stands still, except where a test moves it."""

    def __init__(self):
        self.now = 0.

    def __call__(self):
        return self.now


@pytest.fixture()
def tools_path(monkeypatch):
    """Let a test import the tools and their private modules."""
    monkeypatch.setattr(sys, 'path', list(sys.path))
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.syspath_prepend(str(TOOLS / 'analysis_tools'))
