"""Networks handed on: stock config, weights, safetensors, ONNX."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import mmcv
import numpy as np
import pytest
import torch
from conftest import VOC_LISTS, write_voc
from inprocess import tool_main  # noqa: F401  (a fixture)
from mmengine.config import Config
from mmseg.apis import inference_model, init_model
from mmseg.datasets import PascalVOCDataset
from mmseg.registry import MODELS
from mmseg.visualization import SegLocalVisualizer
from tiny import TOOLS, shrink, tiny_config
from torch import nn

from mmseg_pseudoseg.export import read_config, stock_config
from mmseg_pseudoseg.export.stock import to_stock

# A Python in which this package cannot be imported.
ALONE = '''
import json, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] == 'mmseg_pseudoseg':
            raise ImportError('blocked')
sys.meta_path.insert(0, Blocker())
# For machines whose torchvision lacks its compiled part: no part of ours.
import runpy
runpy.run_path(sys.argv[2])['import_torchvision']()
from mmseg.apis import MMSegInferencer, inference_model, init_model
for config, weights, image in json.loads(sys.argv[1]):
    model = init_model(config, weights, 'cpu')
    assert type(model).__module__.startswith('mmseg.'), type(model)
    one = inference_model(model, image).pred_sem_seg.data[0].tolist()
    inferencer = MMSegInferencer(config, weights, device='cpu',
                                 show_progress=False)
    two = inferencer(image)['predictions'].tolist()
    classes = model.dataset_meta['classes']
    print('RESULT', json.dumps([one, two, classes]))
assert 'mmseg_pseudoseg' not in sys.modules
'''


def tiny_ocr(root, path):
    """The shipped cascade, made small."""
    cfg = Config.fromfile(TOOLS.parent / 'configs/pseudoseg/voc_1_8_ocr.py')
    shrink(cfg._cfg_dict)
    cfg.model.pretrained = None
    cfg.model.data_preprocessor.update(size=(65, 65),
                                       test_cfg=dict(size=(65, 65)))
    one, two = cfg.model.decode_head
    one.update(in_channels=256, channels=16)
    two.update(in_channels=512, channels=16, ocr_channels=8)
    cfg.model.sgc_head.update(in_channels=(256, 512), channels=8)
    cfg.test_dataloader.dataset.data_root = str(root)
    cfg.dump(path)
    return path


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Checkpoints of clear opinions as a run saves them; the first photo."""
    folder = tmp_path_factory.mktemp('stock')
    root = folder / 'VOC2012'
    write_voc(root, VOC_LISTS)
    configs = [tiny_config('pseudoseg/voc_1_8.py', root, folder / 'semi.py'),
               tiny_ocr(root, folder / 'ocr.py')]
    for seed, config in enumerate(configs):
        torch.manual_seed(seed)
        model = init_model(str(config), device='cpu')
        heads = model.decode_head
        last = heads[-1] if isinstance(heads, nn.ModuleList) else heads
        last.conv_seg.weight.data.normal_(std=30)
        torch.save(dict(state_dict=model.state_dict(), meta=dict(
            iter=3, cfg=Config.fromfile(config).pretty_text,
            dataset_meta=PascalVOCDataset.METAINFO)),
            config.with_suffix('.pth'))
    return SimpleNamespace(folder=folder, configs=configs, image=str(
        root / f'JPEGImages/{VOC_LISTS["val"][0]}.jpg'))


@pytest.fixture()
def convert(tool_main, monkeypatch):  # noqa: F811
    """``convert(*args)``: what to_stock.py prints."""
    monkeypatch.syspath_prepend(str(TOOLS / 'model_converters'))

    def run(*args, ok=True):
        return tool_main('to_stock', *args, ok=ok)

    return run


def ours(trained, config):
    """Classes that the network of this package sees in the photograph."""
    model = init_model(str(config), str(config.with_suffix('.pth')), 'cpu')
    return inference_model(model, trained.image).pred_sem_seg.data[0].numpy()


def test_without_this_package(trained, convert, tmp_path):
    """An encoder-decoder and a cascade, by both of the stock ways."""
    jobs = []
    for config in trained.configs:
        out = tmp_path / config.name.replace('.py', '-stock.pth')
        log = convert(config.with_suffix('.pth'), out)
        assert f'{out.with_suffix(".py")}' in log
        text = out.with_suffix('.py').read_text()
        assert 'mmseg_pseudoseg' not in text and 'SemiSegmentor' not in text
        jobs.append([str(out.with_suffix('.py')), str(out), trained.image])
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', ALONE, json.dumps(jobs),
         str(TOOLS.parent / 'mmseg_pseudoseg/torchvision_ops.py')],
        cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line.split(' ', 1)[1] for line in done.stdout.splitlines()
             if line.startswith('RESULT')]
    assert len(lines) == 2
    for line, config in zip(lines, trained.configs):
        one, two, classes = json.loads(line)
        expected = ours(trained, config)
        assert len(np.unique(expected)) > 1
        assert np.array_equal(one, expected)
        assert np.array_equal(two, expected)
        assert classes[:2] == ['background', 'aeroplane']


def test_weights_load_strictly(trained, convert, tmp_path):
    """Also as safetensors, whose header names the classes."""
    out = tmp_path / 'new' / 'stock.pth'
    convert(trained.configs[0].with_suffix('.pth'), out, '--safetensors')
    stock = torch.load(out, weights_only=True)
    assert sorted(stock) == ['meta', 'state_dict']
    assert stock['meta']['iter'] == 3
    cfg = Config.fromfile(out.with_suffix('.py'))
    assert stock['meta']['cfg'] == cfg.pretty_text
    plain = MODELS.build(cfg.model).eval()
    plain.load_state_dict(stock['state_dict'], strict=True)
    safetensors = pytest.importorskip('safetensors')
    with safetensors.safe_open(out.with_suffix('.safetensors'),
                               'pt') as file:
        assert set(file.keys()) == set(stock['state_dict'])
        for key in file.keys():
            assert torch.equal(file.get_tensor(key),
                               stock['state_dict'][key])
        assert json.loads(file.metadata()['classes'])[1] == 'aeroplane'


@pytest.mark.parametrize('which', [0, 1])
def test_onnx(trained, convert, tmp_path, which):
    """Fed as its metadata says, it predicts what the network does."""
    pytest.importorskip('onnx', reason='pip install -r requirements/onnx.txt')
    runtime = pytest.importorskip('onnxruntime')
    config = trained.configs[which]
    out = tmp_path / 'stock.pth'
    log = convert(config.with_suffix('.pth'), out, '--onnx', '--size', 65, 81)
    assert f'{out.with_suffix(".onnx")}: any size' in log
    session = runtime.InferenceSession(str(out.with_suffix('.onnx')))
    meta = session.get_modelmeta().custom_metadata_map
    assert json.loads(meta['classes'])[1] == 'aeroplane'
    image = mmcv.imread(trained.image)[..., ::-1]
    # 65 x 65 with the mean colour, as the config pads.
    height, width = image.shape[:2]
    cfg = Config.fromfile(config)
    padded = np.tile(np.array(cfg.model.data_preprocessor.mean, np.float32),
                     (65, 65, 1))
    padded[:height, :width] = image
    logits, = session.run(None, {'image': padded.transpose(2, 0, 1)[None]})
    found = logits[0, :, :height, :width].argmax(0)
    assert np.mean(found != ours(trained, config)) < 0.002


def double(cls):
    """A class of ours that gives twice what a stock one gives."""
    def forward(self, x):
        y = cls.forward(self, x)
        return tuple(2 * f for f in y) if isinstance(y, tuple) else 2 * y

    return type('Own', (cls,), dict(
        __module__='mmseg_pseudoseg.models.own', forward=forward))


@pytest.mark.parametrize('key, stock, words', [
    ('backbone', 'ResNetV1c', 'model.backbone.type=Own exists in '
     'mmseg_pseudoseg alone'),
    ('decode_head.norm_cfg', 'BN', 'the network of stock classes predicts '
     'something else')])
def test_a_part_without_stock_class(trained, convert, tmp_path, monkeypatch,
                                    key, stock, words):
    """Weights are written, a config that would mislead is not."""
    monkeypatch.setitem(MODELS._module_dict, 'Own',
                        double(MODELS.get(stock)))
    cfg = Config.fromfile(trained.configs[0])
    cfg.merge_from_dict({f'model.{key}.type': 'Own'})
    cfg.dump(tmp_path / 'own.py')
    log = convert(trained.configs[0].with_suffix('.pth'),
                  tmp_path / 'x.pth', '--config', tmp_path / 'own.py')
    assert f'no config was written: {words}' in log
    assert 'needs the package' in log and '--onnx' in log
    assert sorted(p.name for p in tmp_path.iterdir()) == ['own.py', 'x.pth']


def test_a_norm_of_ours_becomes_the_stock_one(monkeypatch):
    """With the stock keys, and with a default of ours where it differs."""
    def init(self, num_features, momentum=0.5, own=1):
        del own

    norm = type('OwnNorm', (nn.BatchNorm2d,), dict(
        __module__='mmseg_pseudoseg.models.own', __init__=init))
    monkeypatch.setitem(MODELS._module_dict, 'OwnNorm', norm)
    made = to_stock(dict(type='OwnNorm', eps=1e-3, own=2), MODELS)
    assert MODELS.get(made.pop('type')) is nn.BatchNorm2d
    assert made == dict(eps=1e-3, momentum=0.5)
    assert to_stock(dict(type='BN', eps=1), MODELS) == dict(type='BN', eps=1)


def test_refusals(trained, convert, tmp_path):
    source, out = trained.configs[0].with_suffix('.pth'), tmp_path / 'out.pth'
    state = torch.load(source, weights_only=True)['state_dict']

    def refuse(words, *args):
        assert words in convert(*args, ok=False)
        assert not out.exists() and not out.with_suffix('.py').exists()

    refuse('missing.pth: no such file', tmp_path / 'missing.pth', out)
    refuse('exists; choose another name', source, source)
    stock = {k: v for k, v in state.items() if not k.startswith('sgc_head')}
    torch.save(dict(state_dict=stock, meta={}), tmp_path / 'stock.pth')
    refuse('stock.pth: has no sgc_head', tmp_path / 'stock.pth', out)
    torch.save(dict(state_dict=state, extra=Path('x')), tmp_path / 'odd.pth')
    refuse('odd.pth was not loaded: it holds', tmp_path / 'odd.pth', out)
    for text in (None, 'import os', 'model = eval("1")'):
        torch.save(dict(state_dict=state, meta=dict(cfg=text)),
                   tmp_path / 'bare.pth')
        refuse('give --config CONFIG', tmp_path / 'bare.pth', out)
    cfg = Config.fromfile(trained.configs[0])
    cfg.model.decode_head.num_classes = cfg.model.sgc_head.num_classes = 5
    cfg.dump(tmp_path / 'five.py')
    refuse('the checkpoint has 21 classes', source, out, '--config',
           tmp_path / 'five.py')


@pytest.mark.parametrize('option, library', [
    ('--onnx', 'onnxruntime'), ('--safetensors', 'safetensors')])
def test_missing_libraries(trained, convert, tmp_path, monkeypatch, option,
                           library):
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setitem(sys.modules, 'onnx', sys)  # stands for what is there
    log = convert(trained.configs[0].with_suffix('.pth'), tmp_path / 'x.pth',
                  option, ok=False)
    assert f'{option} needs {library}' in log and '[onnx]' in log


def test_a_written_config_is_read_as_it_was():
    """Every shipped text, as MMEngine writes it into a checkpoint."""
    for name in ('pseudoseg/coco_1_32_x65', 'small/pseudoseg_animals_1_16',
                 'pseudoseg/voc_1_8_ocr'):
        cfg = Config.fromfile(TOOLS.parent / f'configs/{name}.py')
        read = read_config(cfg.pretty_text)
        assert read.model == cfg.model
        assert read.train_dataloader == cfg.train_dataloader
    coco, voc = (Config.fromfile(TOOLS.parent / f'configs/pseudoseg/{name}.py')
                 for name in ('coco_1_32_x65', 'voc_1_8'))
    coco.model = voc.model
    stock = stock_config(
        coco, dict(classes=('a', 'b'), palette=[[0] * 3, [1] * 3]))
    assert stock.test_dataloader.dataset.type == 'BaseSegDataset'
    assert stock.test_dataloader.dataset.metainfo.classes == ('a', 'b')
    assert SegLocalVisualizer.__name__ == stock.visualizer.type
