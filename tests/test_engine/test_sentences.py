"""Errors from outside end in one sentence: key, cause, remedy."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from conftest import ROOT, tiny_model, tiny_run
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner
from mmseg.registry import MODELS

from mmseg_pseudoseg.engine.failures import explain_failures
from mmseg_pseudoseg.engine.sentences import ending_in_a_sentence
from mmseg_pseudoseg.models.backbones import WeightsError

NOBODY = 'http://127.0.0.1:9/weights.pth'  # the port of "discard"


def sentence(run):
    """What a tool that runs something would end with."""
    with pytest.raises(SystemExit) as caught, ending_in_a_sentence():
        run()
    text = str(caught.value.code)
    assert text.startswith('error: ') and '\n' not in text
    return text


def model(**changes):
    cfg = tiny_model()
    for key, value in changes.items():
        if key == 'backbone':
            cfg['backbone'].update(value)
        else:
            cfg[key] = value
    return MODELS.build(ConfigDict(cfg))


def test_a_download_of_init_cfg_names_its_key_and_the_file():
    network = model(backbone=dict(
        init_cfg=dict(type='Pretrained', checkpoint=NOBODY)))
    text = sentence(network.init_weights)
    key = 'model.backbone.init_cfg.checkpoint'
    assert f"{key}='{NOBODY}' could not be downloaded" in text
    assert 'refused' in text, 'the true cause'
    assert f'fetch {NOBODY} elsewhere and set {key} to' in text


def test_a_download_of_model_pretrained(monkeypatch, tmp_path):
    """As the ResNets ship; MMEngine knows the address behind the name."""

    def refuse(*args, **kwargs):
        raise URLError('no route to host')

    monkeypatch.setattr('torch.hub.urlopen', refuse)
    monkeypatch.setattr('torch.hub.get_dir', lambda: str(tmp_path))
    network = model(pretrained='open-mmlab://resnet18_v1c')
    text = sentence(network.init_weights)
    assert "model.pretrained='open-mmlab://resnet18_v1c' could not" in text
    assert 'no route to host' in text
    assert 'fetch https://download.openmmlab.com/' in text
    assert 'set model.pretrained to the path' in text


def test_a_local_file_that_is_not_there():
    network = model(backbone=dict(
        init_cfg=dict(type='Pretrained', checkpoint='nowhere.pth')))
    assert sentence(network.init_weights) == (
        "error: model.backbone.init_cfg.checkpoint='nowhere.pth': there is "
        'no such file')


def test_load_from_is_named(voc_root, tmp_path):
    def run():
        cfg = tiny_run(voc_root, tmp_path, max_iters=1)
        runner = Runner.from_cfg(Config(dict(cfg, load_from=NOBODY)))
        explain_failures(runner.train)

    assert f"load_from='{NOBODY}' could not be downloaded" in sentence(run)


def test_the_sentence_of_timm_passes_through_both():
    """Whatever its cause reads like: a lost process is something else."""

    def run():
        raise WeightsError('model.backbone.init_cfg: Connection reset by peer')

    assert sentence(lambda: explain_failures(run)).endswith('reset by peer')


@pytest.mark.parametrize('error', [
    URLError('elsewhere'), FileNotFoundError('a mask'), KeyError('x'),
    RuntimeError('y'), TypeError('NoneType takes no arguments')])
def test_other_errors_pass_as_they_are(error):
    with pytest.raises(type(error)) as caught, ending_in_a_sentence():
        raise error
    assert caught.value is error


def python(text, *folders):
    """Run Python in a process of its own; its code and what it printed."""
    paths = os.pathsep.join(map(str, [*folders, ROOT]))
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', text], text=True, cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
        env={**os.environ, 'PYTHONPATH': paths, 'OMP_NUM_THREADS': '1'})
    return done.returncode, done.stdout


# The network of the paper first, then the one of mmpretrain.
BOTH = """
import sys
import mmseg_pseudoseg
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg_pseudoseg.engine.sentences import ending_in_a_sentence
init_default_scope('mmseg')
cfg = Config.fromfile('configs/pseudoseg/voc_1_8_x65.py')
MODELS.build(cfg.model.backbone)
print('the network of the paper is built')
with ending_in_a_sentence():
    Config.fromfile('configs/pseudoseg/voc_1_8_convnext.py')
"""
# What mmpretrain asks of it first, and what the recent ones still have.
TRANSFORMERS = """
class PreTrainedModel:
    pass
class AutoModelForCausalLM:
    from_config = None
class AutoConfig:
    from_pretrained = None
for kind in 'Auto Bart Basic Bert Llama Wordpiece'.split():
    globals()[f'{kind}Tokenizer'] = type(f'{kind}Tokenizer', (), {})
class BertTokenizerFast:
    pass
"""


def write_transformers(folder: Path) -> None:
    """One that has given up names which mmpretrain's models import."""
    auto = folder / 'transformers' / 'models' / 'auto'
    auto.mkdir(parents=True)
    (folder / 'transformers' / '__init__.py').write_text(TRANSFORMERS)
    (auto / 'auto_factory.py').write_text(
        'from transformers import AutoModelForCausalLM\n'
        '_BaseAutoModelClass = AutoModelForCausalLM\n')
    facts = folder / 'transformers-5.24.0.dist-info'
    facts.mkdir()
    (facts / 'METADATA').write_text(
        'Metadata-Version: 2.1\nName: transformers\nVersion: 5.24.0\n')


def test_mmpretrain_beside_a_recent_transformers(tmp_path):
    pytest.importorskip('pycocotools')
    pytest.importorskip('mmpretrain')
    write_transformers(tmp_path)
    code, text = python(BOTH, tmp_path)
    assert code == 1 and 'Traceback' not in text
    assert 'the network of the paper is built' in text
    last = text.strip().splitlines()[-1]
    assert last.startswith('error: mmpretrain ')
    assert ('cannot be imported beside transformers 5.24.0 (TypeError: '
            'NoneType takes no arguments)') in last
    assert '"pip uninstall transformers"' in last


def test_without_mmpretrain(tmp_path):
    (tmp_path / 'mmpretrain.py').write_text(
        "raise ModuleNotFoundError('No module', name='mmpretrain')\n")
    code, text = python(BOTH, tmp_path)
    assert code == 1 and 'Traceback' not in text
    assert 'the network of the paper is built' in text
    assert text.strip().splitlines()[-1].endswith(
        'which is not installed: pip install "mmpretrain>=1.2.0,<2.0"')


def test_mmpretrain_as_it_is_installed_here():
    """The module that the shipped config imports registers its models."""
    pytest.importorskip('mmpretrain')
    import mmseg_pseudoseg.mmpretrain_models  # noqa: F401
    backbone = MODELS.build(dict(
        type='mmpretrain.ConvNeXt', arch='atto', out_indices=(2, 3),
        gap_before_final_norm=False))
    maps = backbone(torch.zeros(1, 3, 64, 64))
    assert [one.shape[-1] for one in maps] == [4, 2]
