"""semi_keys.py: what it prints is a config, and what it refuses."""

import sys
from pathlib import Path

import mmseg
import pytest
from mmengine.config import Config
from mmengine.utils import import_modules_from_strings
from mmseg.registry import MODELS
from tiny import TOOLS
from torch import Tensor, nn


class OneMap(nn.Module):
    """A backbone that gives no list."""

    def forward(self, images: Tensor) -> Tensor:
        return images


@pytest.fixture()
def module(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS / 'model_converters'))
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.setattr(sys, 'path', list(sys.path))
    return import_modules_from_strings('semi_keys')


@pytest.fixture()
def keys(module, monkeypatch, capsys):
    """``keys(path, *options)``: what the tool prints."""

    def run(path: object, *options: str) -> str:
        monkeypatch.setattr(sys, 'argv', ['semi_keys.py', str(path), *options])
        module.main()
        return capsys.readouterr().out

    return run


def stock(name: str) -> Path:
    return Path(mmseg.__file__).parent / f'.mim/configs/_base_/models/{name}'


def small(tmp_path: Path, **changes: object) -> Path:
    """A ResNet-18 with an FCN head, changed."""
    model = dict(
        type='EncoderDecoder',
        backbone=dict(type='ResNet', depth=18, base_channels=8),
        decode_head=dict(type='FCNHead', in_channels=64, channels=8,
                         num_classes=5))
    model.update(changes)
    path = tmp_path / 'small.py'
    Config(dict(model=model)).dump(path)
    return path


def read(text: str) -> dict:
    """The config that a text is."""
    assert max(map(len, text.splitlines())) < 80
    scope: dict = {}
    exec(text, scope)
    return scope['model']


def test_a_cascade_whose_last_head_decides(keys):
    text = keys(stock('ocrnet_r50-d8.py'), '--cfg-options',
                'model.decode_head.1.num_classes=7',
                'model.decode_head.1.align_corners=True')
    assert read(text) == dict(
        type='CascadeSemiSegmentor',
        data_preprocessor=dict(type='MultiBranchDataPreprocessor'),
        sgc_head=dict(type='SGCHead', in_channels=(1024, 2048),
                      in_index=(2, 3), align_corners=True),
        pseudo_label=dict(type='CalibratedFusion', align_corners=True),
        unsup_loss=dict(type='SoftCrossEntropyLoss'))
    assert '#   0, 256, 4\n#   1, 512, 8\n#   2, 1024, 8\n' in text
    assert '# Missing: size=crop_size in data_preprocessor.' in text


def test_a_new_backbone_under_old_heads(keys, tmp_path):
    """ResNet-18 of 8 channels under MobileNetV2's: every key, its value."""
    sgc = dict(type='SGCHead', in_channels=(96, 320), in_index=(2, 3))
    decode = dict(type='DepthwiseSeparableASPPHead', in_channels=320,
                  in_index=3, c1_in_channels=24, num_classes=5)
    path = small(tmp_path, sgc_head=sgc, decode_head=decode)
    with pytest.raises(SystemExit) as error:
        keys(path)
    for text in ('model.decode_head.in_channels=64',
                 'model.decode_head.c1_in_channels=8',
                 'model.sgc_head.in_channels=(32, 64)', 'have 8, 16, 32, 64'):
        assert text in str(error.value)


def test_stages_behind_the_neck_and_nothing_loaded(keys, tmp_path):
    path = small(
        tmp_path, pretrained='nowhere.pth',
        data_preprocessor=dict(type='SegDataPreProcessor', size=(64, 64)),
        neck=dict(type='FPN', in_channels=[8, 16, 32, 64], out_channels=12,
                  num_outs=4))
    text = keys(path)
    head = read(text)['sgc_head']
    assert head['in_channels'] == (12, 12) and head['in_index'] == (2, 3)
    assert head['align_corners'] is False  # the stock head's default
    assert 'Stages of the neck' in text and 'Missing' not in text


@pytest.mark.parametrize('changes, message', [
    (dict(type='DepthEstimator'), "model.type='DepthEstimator' is neither"),
    (dict(sgc_head=dict()), 'model.sgc_head is set already'),
    (dict(decode_head=dict(type='Mask2FormerHead', num_classes=3)),
     "model.decode_head.type='Mask2FormerHead' is no BaseDecodeHead"),
    (dict(type='CascadeEncoderDecoder', decode_head=[
        dict(type='FCNHead', num_classes=3),
        dict(type='PointHead', num_classes=3)]),
     "model.decode_head.type='PointHead' predicts single points"),
    (dict(decode_head=dict(type='FCNHead')),
     'model.decode_head.num_classes is not set'),
    (dict(backbone=dict(type='ResNet', depth=19)),
     'model.backbone does not run on a 128 x 128 image: KeyError'),
    (dict(neck=dict(type='FPN', in_channels=[1, 2], out_channels=3,
                    num_outs=2)), 'model.neck does not run'),
    (dict(backbone=dict(type='OneMap')),
     'model.backbone gives a Tensor, not a list or tuple of maps'),
])
def test_refuses(keys, tmp_path, monkeypatch, changes, message):
    monkeypatch.setitem(MODELS.module_dict, 'OneMap', OneMap)
    path = small(tmp_path, **changes)
    with pytest.raises(SystemExit, match=message) as error:
        keys(path)
    assert str(path) in str(error.value)
    if 'already' not in message:
        assert 'model.sgc_head.in_channels and .in_index by hand' in str(
            error.value)


def test_refuses_other_files(keys, tmp_path):
    with pytest.raises(SystemExit, match='none.py: no such file'):
        keys(tmp_path / 'none.py')
    (tmp_path / 'schedule.py').write_text('max_iters = 3\n')
    with pytest.raises(SystemExit, match='schedule.py: has no model'):
        keys(tmp_path / 'schedule.py')
