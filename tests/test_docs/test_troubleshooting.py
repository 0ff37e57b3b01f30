"""The messages that docs/troubleshooting.md quotes are those of the code."""

import ast
import re
from typing import List

import pytest
from mmengine.config import Config
from pages import ROOT

# Quoted from other projects, or no message.
FOREIGN = (
    'MMCV==2.2.0', 'No module named', 'torchvision::nms', 'Weights only load',
    'registry', 'Default process group', 'Address already in use', 'regex',
    'torch.load', 'pseudo.weight', 'pseudo.confidence', 'batch_size',
    'labeled.sgc.loss_ce', '--resume', 'sgc_head...', 'NoneType takes')


def symptoms() -> List[str]:
    """Messages of this package in the first column."""
    text = (ROOT / 'docs' / 'troubleshooting.md').read_text()
    cells = re.findall(r'^\| (?!---|symptom)(.*?) \|', text, re.M)
    return [quote for cell in cells for quote in re.findall('`(.*?)`', cell)
            if not any(word in quote for word in FOREIGN)]


def literals() -> str:
    """All string constants of package and tools, one a line."""
    found = []
    for folder in ('mmseg_pseudoseg', 'tools'):
        for path in (ROOT / folder).rglob('*.py'):
            found += [node.value for node in ast.walk(ast.parse(
                path.read_text())) if isinstance(node, ast.Constant)
                and isinstance(node.value, str)]
    return '\n'.join(found)


SOURCE = literals()


@pytest.mark.parametrize('message', symptoms())
def test_message_is_in_the_code(message):
    parts = [part.strip() for part in re.split(r'\.\.\.|\b\d+\b', message)]
    parts = [part for part in parts if re.search('[a-z]', part)]
    assert parts
    for part in parts:
        assert part in SOURCE, part


def test_enough_are_quoted():
    assert len(symptoms()) >= 8


def test_less_memory_multiplies_the_keys_of_the_tutorial():
    """Half of the batch, twice the iterations: the same keys on both pages."""
    pages = [(ROOT / 'docs' / name).read_text()
             for name in ('troubleshooting.md', 'tutorial.md')]
    row, = re.findall(r'^\| a GPU is out of memory .*$', pages[0], re.M)
    command, = re.findall(r'accumulative_counts=8 \\\n(.*)\n', pages[1])
    keys = dict(word.split('=') for word in command.split())
    assert len(keys) == 4
    cfg = Config.fromfile(ROOT / 'configs/pseudoseg/voc_1_8.py')
    for key, value in keys.items():
        node = cfg._cfg_dict
        for name in key.split('.'):
            node = node[int(name)] if name.isdigit() else node[name]
        assert int(value) == 8 * node, key
        assert f'`{key}`' in row, key
