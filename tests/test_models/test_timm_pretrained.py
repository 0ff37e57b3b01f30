"""timm's weights come by init_cfg alone, and a failure says what to do."""

import socket

import pytest
import timm
import torch
from conftest import ROOT
from mmengine.config import Config
from mmseg.apis import init_model
from mmseg.registry import MODELS

from mmseg_pseudoseg.models.backbones import WeightsError

BASES = ROOT / 'configs' / '_base_' / 'models'


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No network; what asks for one is told so at once."""

    def refuse(*args, **kwargs):
        raise ConnectionError('there is no network')

    monkeypatch.setattr(socket, 'getaddrinfo', refuse)
    monkeypatch.setattr(socket.socket, 'connect', refuse)
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)


def build(init_cfg=None, name='xception41.tf_in1k'):
    return MODELS.build(dict(
        type='AlignedXception', model_name=name, init_cfg=init_cfg))


@pytest.fixture(scope='module')
def whole():
    """The network as timm publishes it: with its classifier."""
    torch.manual_seed(3)
    return timm.create_model('xception41')


def equal(backbone, whole):
    """Whether all weights and statistics are those of the whole network."""
    theirs = whole.state_dict()
    return all(
        value.equal(theirs[key.removeprefix('timm_model.').replace(
            '_', '.', 1)]) for key, value in backbone.state_dict().items())


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_a_local_file_under_timms_names(whole, tmp_path, suffix):
    path = str(tmp_path / f'model{suffix}')
    if suffix == '.pth':
        torch.save(whole.state_dict(), path)
    else:
        from safetensors.torch import save_file
        save_file(whole.state_dict(), path)
    backbone = build(dict(type='TIMMPretrained', checkpoint=path))
    assert not equal(backbone, whole), 'the constructor loads nothing'
    backbone.init_weights()
    assert equal(backbone, whole)


@pytest.mark.parametrize('prefix', [None, 'backbone.'])
def test_a_checkpoint_of_ours_by_the_stock_initializer(
        whole, tmp_path, prefix):
    source = build()
    source.load_state_dict({
        key: whole.state_dict()[key.removeprefix('timm_model.').replace(
            '_', '.', 1)] for key in source.state_dict()})
    path = str(tmp_path / 'iter_1.pth')
    state = {f'{prefix or ""}{key}': value
             for key, value in source.state_dict().items()}
    torch.save(dict(state_dict=state), path)
    init_cfg = dict(type='Pretrained', checkpoint=path)
    if prefix:
        init_cfg['prefix'] = prefix
    backbone = build(init_cfg)
    backbone.init_weights()
    assert equal(backbone, whole)


def test_any_network_of_timm_in_the_stock_wrapper(tmp_path):
    torch.manual_seed(4)
    whole = timm.create_model('resnet18')
    path = str(tmp_path / 'resnet18.pth')
    torch.save(whole.state_dict(), path)
    backbone = MODELS.build(dict(
        type='TIMMBackbone', model_name='resnet18', pretrained=False,
        init_cfg=dict(type='TIMMPretrained', checkpoint=path)))
    backbone.init_weights()
    for key, value in backbone.timm_model.state_dict().items():
        assert value.equal(whole.state_dict()[key])


def test_a_failed_download_is_one_sentence_with_key_and_remedy():
    with pytest.raises(WeightsError) as caught:
        build(dict(type='TIMMPretrained')).init_weights()
    text = str(caught.value)
    assert '\n' not in text
    assert text.startswith('model.backbone.init_cfg: the weights of '
                           'xception41.tf_in1k could not be fetched')
    assert "init_cfg=dict(type='TIMMPretrained', checkpoint=" in text
    assert 'https://huggingface.co/timm/xception41.tf_in1k' in text
    assert caught.value.__suppress_context__, 'no traceback of the transport'


def test_a_file_that_is_not_there(tmp_path):
    backbone = build(dict(type='TIMMPretrained', checkpoint='nowhere.pth'))
    with pytest.raises(FileNotFoundError,
                       match=r"init_cfg\.checkpoint='nowhere\.pth'"):
        backbone.init_weights()


def test_a_file_of_another_network(whole, tmp_path):
    path = str(tmp_path / 'other.pth')
    torch.save({key: value for key, value in whole.state_dict().items()
                if 'blocks.7' not in key}, path)
    backbone = build(dict(type='TIMMPretrained', checkpoint=path))
    with pytest.raises(WeightsError, match=r'other\.pth lacks \d+ weights'):
        backbone.init_weights()


@pytest.mark.parametrize('name', [
    'deeplabv3plus_x65-d16', 'pseudoseg_deeplabv3plus_x65-d16',
    'pseudoseg_deeplabv3plus_r50-d16', 'pseudoseg_ocrnet_r50-d16',
    'pseudoseg_upernet_convnext-tiny',
    'pseudoseg_deeplabv3plus_mobilenet-v2-d16'])
def test_no_shipped_network_loads_weights_when_it_is_built(name):
    """As test.py, a Runner and init_model build it."""
    cfg = Config.fromfile(BASES / f'{name}.py')
    MODELS.build(cfg.model)
    if name == 'deeplabv3plus_x65-d16':
        init_model(cfg, device='cpu')
