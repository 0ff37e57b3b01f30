"""docs/configs.md has every key of every module, with its default."""

import ast
import inspect
import re
from typing import Dict, List, Tuple

import pytest
from mmseg.registry import (
    DATA_SAMPLERS,
    DATASETS,
    HOOKS,
    METRICS,
    MODELS,
    TRANSFORMS,
    WEIGHT_INITIALIZERS,
)
from pages import ROOT

TEXT = (ROOT / 'docs' / 'configs.md').read_text()
# What a dataloader hands over, and what goes on to the stock class.
NOT_KEYS = {'self', 'sampler', 'batch_size', 'kwargs'}


def registered() -> Dict[str, type]:
    """The modules of this package that a config can name."""
    classes = {}
    for registry in (MODELS, DATASETS, TRANSFORMS, DATA_SAMPLERS, HOOKS,
                     METRICS, WEIGHT_INITIALIZERS.parent):
        classes.update({
            cls.__name__: cls for cls in registry.module_dict.values()
            if cls.__module__.startswith('mmseg_pseudoseg.')})
    return classes


MODULES = registered()


def keys(cls: type) -> Dict[str, object]:
    """Names and defaults of the keys that the class adds."""
    if '__init__' not in vars(cls):
        return {}
    return {('**' if p.kind is p.VAR_KEYWORD else '') + name: p.default
            for name, p in inspect.signature(cls.__init__).parameters.items()
            if name not in NOT_KEYS}


def table(cls: str) -> List[Tuple[str, str, str]]:
    """Key, default and last column of the table below a class's heading."""
    found = re.search(rf'^### {cls}\n(.*?)(?=^##|\Z)', TEXT, re.M | re.S)
    return re.findall(r'^\| `([^`]+)` \| (\S+) \|.*\| ([^|]+) \|$',
                      found[1] if found else '', re.M)


@pytest.mark.parametrize('name', [
    name for name in MODULES if table(name)])
def test_a_table_is_the_signature(name):
    rows = {key: default for key, default, _ in table(name)}
    told = {key: inspect.Parameter.empty if default == '-'
            else ast.literal_eval(default.strip('`'))
            for key, default in rows.items()}
    assert told == keys(MODULES[name])


def test_the_main_modules_have_tables():
    assert {name for name in MODULES if table(name)} >= {
        'SemiSegmentor', 'SGCHead', 'CalibratedFusion', 'MultiBranch',
        'SoftCrossEntropyLoss', 'SemiDataset', 'MultiSourceBatchSampler',
        'ColorJitter', 'CutOut'}


@pytest.mark.parametrize('name', [
    name for name in MODULES if not table(name)])
def test_the_others_have_a_row(name):
    rows = re.findall(rf'^\| `{name}` \| (.*)$', TEXT, re.M)
    if not rows:
        assert f'`{name}`' in TEXT and not set(
            keys(MODULES[name])) - {'**views'}, \
            f'name {name} in docs/configs.md'
        return
    row, = rows
    for key, default in keys(MODULES[name]).items():
        assert f'`{key}' in row
        if default is not inspect.Parameter.empty:
            assert f'`{key}={default!r}`' in row or f'`{default!r}`' in row


@pytest.mark.parametrize('name', [
    name for name in MODULES if table(name)])
def test_the_named_config_sets_the_key(name):
    for key, _, place in table(name):
        for path in re.findall(r'`(\S+\.py)`', place):
            text = (ROOT / 'configs' / path).read_text()
            word = 'MultiBranch' if key.startswith('**') else key
            assert re.search(rf'\b{word}\b', text), (key, path)
