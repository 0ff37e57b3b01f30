"""A baseline is its semi-supervised config without pseudo labels, key by key.

What is taken away here is all in which the two may differ.
"""

from math import ceil
from pathlib import Path

import pytest
from conftest import ROOT
from mmengine.config import Config

CONFIGS = ROOT / 'configs'
OURS = ('sgc_head', 'pseudo_label', 'unsup_loss', 'image_labels', 'weak_bn',
        'unsup_start', 'joint_pass')
STOCK = dict(SemiSegmentor='EncoderDecoder',
             CascadeSemiSegmentor='CascadeEncoderDecoder')
# Names of lists that the keys above were made of.
VARIABLES = ('monitoring', 'views', 'tags_pipeline')


def baseline_of(path: Path, prefix: str) -> Path:
    """Where the baseline of a semi-supervised config is, or would be."""
    name = path.stem.removeprefix('pseudoseg_')
    folder = path.parent
    if folder.name == 'pseudoseg':
        folder = CONFIGS / dict(sup='supervised', st='self_training')[prefix]
    return folder / f'{prefix}_{name}.py'


def pairs(prefix: str) -> list:
    """Semi-supervised configs without tags that have a baseline, and it."""
    found = [(path, baseline_of(path, prefix)) for folder in (
        'pseudoseg', 'small', 'demo') for path in sorted(
            (CONFIGS / folder).glob('*.py'))]
    return [pytest.param(*pair, id=pair[0].stem) for pair in found
            if pair[1].exists() and 'tags' not in pair[0].stem]


def without_pseudo_labels(path: Path) -> dict:
    """A config, with the network and the hooks of its baseline."""
    cfg = Config.fromfile(path).to_dict()
    model = cfg['model']
    for key in OURS:
        model.pop(key, None)
    model['type'] = STOCK[model['type']]
    model['data_preprocessor']['type'] = 'SegDataPreProcessor'
    cfg['custom_hooks'] = [hook for hook in cfg['custom_hooks']
                           if not hook['type'].startswith('PseudoLabel')]
    for name in VARIABLES:
        cfg.pop(name, None)
    loader = cfg['train_dataloader']
    del loader['collate_fn']
    *steps, last = loader['dataset']['labeled']['pipeline']
    assert last == dict(type='MultiBranch',
                        labeled=[dict(type='PackSemiInputs')])
    loader['dataset']['labeled']['pipeline'] = [
        *steps, dict(type='PackSegInputs')]
    return cfg


def labeled_alone(cfg: dict) -> None:
    """As many labelled images a step, and as many workers an image."""
    loader = cfg['train_dataloader']
    shares = loader.pop('batch_sampler')['source_ratio']
    share = shares['labeled'] / sum(shares.values())
    loader['dataset'] = loader['dataset']['labeled']
    for step in loader['dataset']['pipeline']:  # what SemiDataset hands over
        if step['type'] == 'CheckAnnotations':
            step.setdefault('num_classes', cfg['model']['decode_head'][
                'num_classes'])
    loader['batch_size'] *= share
    loader['num_workers'] = ceil(loader['num_workers'] * share)
    if 'auto_scale_lr' in cfg:
        cfg['auto_scale_lr']['base_batch_size'] *= share


@pytest.mark.parametrize('path, baseline', pairs('sup'))
def test_supervised(path, baseline):
    cfg = without_pseudo_labels(path)
    labeled_alone(cfg)
    assert Config.fromfile(baseline).to_dict() == cfg


@pytest.mark.parametrize('path, baseline', pairs('st'))
def test_self_training(path, baseline):
    """A student's second part holds masks, PseudoSeg's none."""
    cfg, student = without_pseudo_labels(path), Config.fromfile(
        baseline).to_dict()
    for one in (cfg, student):
        part = one['train_dataloader']['dataset'].pop('unlabeled')
        assert part['ann_file'].endswith('unlabeled.txt')
    assert student == cfg


@pytest.mark.parametrize('prefix', ['sup', 'st'])
def test_every_baseline_is_compared(prefix):
    compared = {pair.values[1] for pair in pairs(prefix)}
    assert compared == set(CONFIGS.glob(f'*/{prefix}_*.py'))
