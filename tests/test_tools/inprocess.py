"""Run a tool inside the test, where its tables can be replaced."""

import importlib
import sys
from typing import Callable

import pytest
from tiny import TOOLS


@pytest.fixture()
def tool_main(monkeypatch, capfd) -> Callable[..., str]:
    """``tool_main(module, *args, ok=True)``: what ``main`` prints."""
    monkeypatch.syspath_prepend(TOOLS / 'dataset_converters')

    def run(module: str, *args: object, ok: bool = True) -> str:
        monkeypatch.setattr(sys, 'argv', [module, *map(str, args)])
        code: object = None
        try:
            importlib.import_module(module).main()
        except SystemExit as end:
            code = end.code
        streams = capfd.readouterr()
        assert (not code) == ok, streams
        return f'{streams.out}{streams.err}{code or ""}'

    return run
