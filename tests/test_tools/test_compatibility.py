"""Every stock model, and the documents that tell how and which."""

import re
import shutil
import sys
from pathlib import Path

import mmseg
import pytest
from conftest import VOC_LISTS, write_voc
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.utils import import_modules_from_strings
from tiny import ROOT, TOOLS

FILES = sorted(
    (Path(mmseg.__file__).parent / '.mim/configs/_base_/models').glob('*.py'))
DOCS = ROOT / 'docs'
REFUSED = {'pointrend_r50.py', 'san_vit-b16.py', 'vpd_sd.py'}
COMPILED = {'ccnet_r50-d8.py', 'psanet_r50-d8.py'}


@pytest.fixture(scope='module')
def module():
    before = list(sys.path)
    sys.path[:0] = [str(TOOLS), str(TOOLS / 'analysis_tools'),
                    str(TOOLS / 'model_converters')]
    yield import_modules_from_strings('compatibility')
    sys.path[:] = before


def table() -> dict:
    """The lines of docs/compatibility.md, by file."""
    text = (DOCS / 'compatibility.md').read_text()
    lines = [line for line in text.splitlines()
             if re.match(r'\| \S+\.py \|', line)]
    rows = {line.split('|')[1].strip(): line for line in lines}
    assert len(rows) == len(lines)
    return rows


def written_here(module) -> bool:
    """Whether the table is about what is installed."""
    text = (DOCS / 'compatibility.md').read_text()
    return f'with {module.versions()};' in text


@pytest.mark.parametrize('path', FILES, ids=[path.name for path in FILES])
def test_stock_model(module, path):
    row = module.judge(path)
    refused = REFUSED | (set() if module.has_ops() else COMPILED)
    if module.STOCK_FAILS in row.remark and not written_here(module):
        pytest.skip(f'{path.name}: {row.remark}')  # no fault of ours
    assert row.trains == ('no' if path.name in refused else 'yes'), row
    if written_here(module):
        assert table().get(path.name) == str(row)


def test_the_table_is_complete(module):
    if not written_here(module):
        pytest.skip(f'docs/compatibility.md is not about {module.versions()}')
    rows = table()
    assert sorted(rows) == sorted(path.name for path in FILES)
    trained = sum('| yes |' in line for line in rows.values())
    text = (DOCS / 'compatibility.md').read_text()
    assert text.endswith(f'\n{trained} of {len(rows)} train.\n')


def test_no_stock_file_writes_no_table(module, monkeypatch, tmp_path):
    """As with an MMSegmentation installed from a checkout."""
    out = tmp_path / 'table.md'
    out.write_text('the table')
    monkeypatch.setattr(module, 'FILES', [])
    monkeypatch.setattr(sys, 'argv', ['x', '--out', str(out)])
    with pytest.raises(SystemExit, match='_base_/models: no stock model'):
        module.main()
    assert out.read_text() == 'the table'


def forget_unlabelled(losses: dict) -> None:
    del losses['strong.loss_soft_ce']


def overflow(losses: dict) -> None:
    losses['labeled.decode.loss_ce'].data.fill_(float('nan'))


def forget_decoder(losses: dict) -> None:
    for key in ('labeled.decode.loss_ce', 'strong.loss_soft_ce'):
        losses[key] = losses[key].detach()


def test_a_fault_of_the_stock_step_is_told_apart(module, monkeypatch):
    def fail(*_):
        raise IndexError('index 255 is out of bounds')

    monkeypatch.setattr(
        'mmseg.models.segmentors.EncoderDecoder.loss', fail)
    path, = (path for path in FILES if path.name == 'segformer_mit-b0.py')
    row = module.judge(path)
    assert row.trains == 'no' and row.remark == (
        'IndexError: the stock step itself fails: index 255 is out of bounds')


@pytest.mark.parametrize('damage, message', [
    (forget_unlabelled, 'there is no strong.loss_soft_ce'),
    (overflow, 'labeled.decode.loss_ce is not finite'),
    (forget_decoder, 'no gradient reaches decode_head.'),
])
def test_a_broken_step_is_no_yes(module, monkeypatch, damage, message):
    loss = module.SemiSegmentor.loss

    def broken(*args: object) -> dict:
        losses = loss(*args)
        damage(losses)
        return losses

    monkeypatch.setattr(module.SemiSegmentor, 'loss', broken)
    path, = (path for path in FILES if path.name == 'segformer_mit-b0.py')
    monkeypatch.setattr(module, 'leaf', lambda _: None)
    row = module.judge(path)
    assert row.trains == 'no' and message in row.remark


def example(folder: Path, text: str) -> Path:
    """Do what docs/networks.md says, in a copy of the shipped configs."""
    configs = shutil.copytree(ROOT / 'configs/_base_',
                              folder / 'configs/_base_').parent
    stock = re.search(r'cp \$STOCK/(\S+) (configs/_base_/models/)\n', text)
    shutil.copy(FILES[0].parent / stock[1], folder / stock[2])
    path = configs / 'pseudoseg' / re.search(
        r'`configs/pseudoseg/(\w+\.py)`:', text)[1]
    path.parent.mkdir()
    path.write_text(re.search(r'```python\n(.*?)```', text, re.DOTALL)[1])
    return path


def test_the_worked_example_trains(module, tmp_path):
    text = (DOCS / 'networks.md').read_text()
    cfg = Config.fromfile(example(tmp_path, text))
    model = cfg.model.to_dict()
    stock = Config.fromfile(
        tmp_path / 'configs/_base_/models/pspnet_r50-d8.py').model
    stock.decode_head.num_classes = 21
    for key, value in module.semi_keys(stock)[0].items():
        if isinstance(value, dict):
            assert value.items() <= model[key].items(), key
        else:
            assert value == model[key]

    root = tmp_path / 'VOC2012'
    write_voc(root, VOC_LISTS)
    import_modules_from_strings('_shrink').unsynchronised(cfg.model)
    cfg.model.update(pretrained=None)
    cfg.model.data_preprocessor.size = (65, 65)
    cfg.train_dataloader.update(batch_size=4, num_workers=0,
                                persistent_workers=False)
    for part in ('labeled', 'unlabeled'):
        cfg.train_dataloader.dataset[part].data_root = str(root)
        for step in cfg.train_dataloader.dataset[part].pipeline:
            if step.type == 'RandomCrop':
                step.crop_size = (65, 65)
            if 'strong' in step:
                step.strong[1].canvas = (65, 65)
    cfg.train_cfg.max_iters = 1
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.default_hooks.checkpoint = None
    cfg.work_dir, cfg.experiment_name = str(tmp_path / 'work'), 'example'
    runner = Runner.from_cfg(cfg)
    before = {n: v.detach().clone() for n, v in
              runner.model.named_parameters() if v.requires_grad}
    runner.train()
    moved = {n.split('.')[0] for n, v in runner.model.named_parameters()
             if n in before and not v.equal(before[n])}
    assert moved == {'backbone', 'decode_head', 'auxiliary_head', 'sgc_head'}
