"""Tools and the initial weights of networks: who loads them, and failures."""

import socket
import sys
from pathlib import Path

import pytest
import torch
from conftest import VOC_LISTS, write_voc
from inprocess import tool_main  # noqa: F401  (a fixture)
from mmengine.config import Config
from mmseg.registry import MODELS
from tiny import ROOT, TOOLS, tiny_config

X65 = ROOT / 'configs' / 'pseudoseg' / 'voc_1_8_x65.py'


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No network; who asks for one is told so at once."""
    monkeypatch.syspath_prepend(TOOLS)
    monkeypatch.syspath_prepend(TOOLS / 'model_converters')

    def refuse(*args, **kwargs):
        raise ConnectionError('there is no network')

    monkeypatch.setattr(socket, 'getaddrinfo', refuse)
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)


@pytest.fixture()
def config(tmp_path: Path) -> Path:
    """The shipped Xception config with small crops and 41 layers."""
    write_voc(tmp_path / 'VOC2012', VOC_LISTS)
    cfg = Config.fromfile(tiny_config(
        'pseudoseg/voc_1_8.py', tmp_path / 'VOC2012', tmp_path / 'semi.py'))
    shipped = Config.fromfile(X65).model
    cfg.model.backbone = shipped.backbone
    cfg.model.backbone.model_name = 'xception41.tf_in1k'
    cfg.model.sgc_head.update(shipped.sgc_head, channels=8)
    cfg.model.decode_head.update(in_channels=2048, c1_in_channels=256)
    cfg.train_cfg.max_iters = 1
    cfg.val_dataloader.dataset.indices = 1
    cfg.test_dataloader.dataset.indices = 1
    path = tmp_path / 'x41.py'
    cfg.dump(path)
    return path


def test_training_names_key_and_remedy(tool_main, config,  # noqa: F811
                                       tmp_path):
    text = tool_main('train', config, '--work-dir', tmp_path / 'work',
                     ok=False)
    last = text.strip().splitlines()[-1]
    assert last.startswith('error: model.backbone.init_cfg: the weights of '
                           'xception41.tf_in1k could not be fetched')
    assert "checkpoint='path/model.safetensors'" in last


def test_the_resnets_name_theirs(tool_main, config, tmp_path,  # noqa: F811
                                 monkeypatch):
    monkeypatch.setattr('torch.hub.get_dir', lambda: str(tmp_path / 'hub'))
    text = tool_main(
        'train', tmp_path / 'semi.py', '--work-dir', tmp_path / 'work',
        '--cfg-options', 'model.pretrained=open-mmlab://resnet18_v1c',
        ok=False)
    last = text.strip().splitlines()[-1]
    assert last.startswith(
        "error: model.pretrained='open-mmlab://resnet18_v1c' could not be")
    assert 'there is no network' in last
    assert 'set model.pretrained to the path' in last


def test_evaluation_loads_the_checkpoint_alone(tool_main,  # noqa: F811
                                               config, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, 'test', raising=False)  # CPython's own
    network = MODELS.build(Config.fromfile(config).model)
    torch.save(dict(state_dict=network.state_dict(), meta=dict()),
               tmp_path / 'made.pth')
    text = tool_main('test', config, tmp_path / 'made.pth', '--work-dir',
                     tmp_path / 'test')
    assert 'mIoU: ' in text


def test_keys_for_the_papers_network(tool_main):  # noqa: F811
    base = ROOT / 'configs/_base_/models/deeplabv3plus_x65-d16.py'
    text = tool_main('semi_keys', base)
    assert 'in_channels=(1024, 2048)' in text
    assert 'in_index=(2, 3)' in text


def test_the_stock_wrapper_of_timm_loads_nothing_either(
        tool_main, tmp_path):  # noqa: F811
    """Its own default is pretrained=True."""
    path = tmp_path / 'timm.py'
    Config(dict(model=dict(
        type='EncoderDecoder',
        backbone=dict(type='TIMMBackbone', model_name='resnet18.a1_in1k'),
        decode_head=dict(type='FCNHead', in_channels=512, channels=8,
                         num_classes=5)))).dump(path)
    assert 'in_channels=(256, 512)' in tool_main('semi_keys', path)
