"""What the tests of benchmark_run.py share."""

import importlib
import json
import sys
from pathlib import Path

import pytest
from benching import tools_path  # noqa: F401  (a fixture)
from inprocess import tool_main  # noqa: F401  (a fixture)
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmseg.visualization import SegLocalVisualizer
from tiny import tiny_config

NAME = 'benchmark_run'
LEAF = 'pseudoseg/voc_1_8.py'
MIB = 2**20


@pytest.fixture()
def module(tools_path):  # noqa: F811
    """``module(name)`` of the tools."""
    return importlib.import_module


@pytest.fixture()
def bench(module, tool_main, tmp_path):  # noqa: F811
    """``bench(*args)``: printed text and the JSON file."""

    def run(*args):
        out = tmp_path / 'out.json'
        text = tool_main(NAME, *args, '--json', out)
        return text, json.loads(out.read_text())

    return run


def forget_runs():
    """Else the runs of a process share a visualizer and its folder."""
    for named in (SegLocalVisualizer, MessageHub):
        named._instance_dict.clear()


@pytest.fixture()
def here(module, monkeypatch):
    """Started tools run in this process: their imports take seconds."""

    def call(command, log):
        forget_runs()
        script, *args = map(str, command[1:])
        monkeypatch.setattr(sys, 'argv', [script, *args])
        module(Path(script).stem).main()

    monkeypatch.setattr(module('_bench_start'), 'call', call)
    # Decoded images are counted; those that the check before a run looks into
    # are none of the loader's.
    monkeypatch.setattr(module('train'), 'start_findings', lambda cfg: [])


@pytest.fixture()
def config(tmp_path):
    """VOC 1/8 made small: 2 + 2 images of 65 x 65, a narrow ResNet-18."""
    path = tiny_config(LEAF, Path('nowhere'), tmp_path / 'semi.py')
    cfg = Config.fromfile(path)
    cfg.model.backbone.base_channels = 8
    cfg.model.decode_head.update(in_channels=64, c1_in_channels=8)
    cfg.model.sgc_head.in_channels = (32, 64)
    cfg.dump(path)
    return path
