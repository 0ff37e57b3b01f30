"""calibration.py: two stages against loops, its files as a user sees them."""

import json
import math
import sys

import pytest
import torch
from conftest import VOC_LISTS, write_voc
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.utils import import_modules_from_strings
from mmseg.registry import MODELS
from PIL import Image
from tiny import TOOLS, tiny_config, tool
from torch.nn.functional import interpolate

NAME = 'analysis_tools/calibration.py'


@pytest.fixture()
def module(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.syspath_prepend(str(TOOLS / 'analysis_tools'))
    monkeypatch.setattr(sys, 'path', list(sys.path))
    return import_modules_from_strings('calibration')


@pytest.fixture()
def setup(tmp_path):
    """A tiny config and a random network whose decoder is too sure."""
    root = tmp_path / 'VOC2012'
    write_voc(root, VOC_LISTS)
    path = tiny_config('pseudoseg/voc_1_8.py', root, tmp_path / 'semi.py')
    cfg = Config.fromfile(path)
    prefix = cfg.train_dataloader.dataset.unlabeled.data_prefix
    prefix.seg_map_path = 'SegmentationClass'
    cfg.dump(path)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    state = MODELS.build(cfg.model).state_dict()
    state['decode_head.conv_seg.weight'] *= 100
    torch.save(dict(state_dict=state, meta={}), tmp_path / 'net.pth')
    return path, tmp_path / 'net.pth'


def by_hand(model, batch, sharpened):
    """ECE of the decoder alone and of the Norm'd average, from logits."""
    rows = {'decoder': [], 'fused': []}
    for inputs, masks in batch:
        with torch.no_grad():
            feats = model.extract_feat(inputs)
            one = model.decode_head(feats).double()
            two = model.sgc_head(feats, None, (masks != 255)[:, None]).logits
        two = interpolate(two, one.shape[2:], mode='bilinear',
                          align_corners=True).double()
        norm = torch.cat([one, two]).square().mean().sqrt()
        mean = ((one / norm).softmax(1) + (two / norm).softmax(1)) / 2
        for name, prob in dict(decoder=one.softmax(1), fused=mean).items():
            if sharpened:
                prob = prob**2 / (prob**2).sum(1, keepdim=True)
            prob = interpolate(prob, masks.shape[1:], mode='bilinear',
                               align_corners=True)
            best, label = prob.max(1)
            rows[name] += [
                (p, k == t) for p, k, t in zip(
                    *(x.flatten().tolist() for x in (best, label, masks)))
                if t != 255]
    return {name: ece(pairs) for name, pairs in rows.items()}


def ece(pairs):
    held = {}
    for p, right in pairs:
        held.setdefault(math.ceil(15 * p), []).append(p - right)
    return sum(abs(math.fsum(v)) for v in held.values()) / len(pairs)


def test_stages_against_loops(module, setup):
    path, checkpoint = setup
    cfg, model = module.load(module.parser('').parse_args(
        [str(path), str(checkpoint)]))
    assert model.pseudo_label.align_corners
    samples = module.weak_views(cfg, 4)
    stages = module.measure(model, samples, 2)
    found = {name[0]: module.summarize(*stage)['ECE']
             for name, stage in stages.items()}
    batch = list(module.batches(model, samples, 2))
    for sharpened, names in ((False, 'AF'), (True, 'CG')):
        expected = by_hand(model, batch, sharpened)
        for name, value in zip(names, expected.values()):
            assert found[name] == pytest.approx(value, abs=2e-4), name
    assert len({round(value, 3) for value in found.values()}) > 3


def test_table_and_files(setup, tmp_path):
    path, checkpoint = setup
    log = tool(NAME, path, checkpoint, '--num', 2, '--out', 'new/out',
               cwd=tmp_path)
    shown = {line.split('|')[1].strip(): line.split('|')[2:-1]
             for line in log.splitlines() if line.startswith('| ')}
    stages = json.loads(
        (tmp_path / 'new/out/calibration.json').read_text())['stages']
    assert [name[0] for name in stages] == list('ABCDEFG')
    for name, values in stages.items():
        assert [float(text) for text in shown[name]] == pytest.approx(
            [100 * value for value in values.values()], abs=0.051)
        assert 0 <= values['ECE'] <= values['MCE'] <= 1
    # Sharpening moves no maximum; it makes every label surer.
    for soft, sharp in (('A decoder', 'C decoder, sharpened'),
                        ('B SGC', 'D SGC, sharpened')):
        assert stages[sharp]['confidence'] > stages[soft]['confidence']
    with Image.open(tmp_path / 'new/out/calibration.png') as picture:
        assert picture.format == 'PNG'
