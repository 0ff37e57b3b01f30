"""Every family of configs, two steps in two processes, frozen as it ships."""

import json
import re
import sys
import traceback
import warnings
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT, VOC_LISTS, tiny_run, write_voc
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from ranks import in_ranks
from torch import distributed

from mmseg_pseudoseg.engine import (
    ChannelsLastHook,
    FrozenFirstDistributedDataParallel,
)

TOOLS = ROOT / 'tools'
FAMILIES = {
    'small': 'small/pseudoseg_animals_1_16',
    'small, supervised': 'small/sup_animals_1_16',
    'small, self-training': 'small/st_animals_1_16',
    'demo': 'demo/pseudoseg_digits',
    'own data': 'my_data',
    'own data, tags': 'my_data_tags',
    'R50': 'pseudoseg/voc_1_8',
    'X65': 'pseudoseg/voc_1_8_x65',
    'OCR': 'pseudoseg/voc_1_8_ocr',
    'iSAID': 'pseudoseg/isaid_1_8',
    'supervised': 'supervised/sup_voc_1_8',
}
FROZEN = {'small', 'small, supervised', 'small, self-training', 'own data',
          'own data, tags'}
SIZE = 49


def read(name: str, folder: Path) -> Config:
    """A shipped config, or one of own_data.md."""
    path = ROOT / 'configs' / f'{name}.py'
    if name.startswith('my_data'):
        page = (ROOT / 'docs/own_data.md').read_text()
        for block in re.findall(r'^```python\n# (my_data.*?)^```$', page,
                                re.S | re.M):
            file, text = block.split('\n', 1)
            (folder / file).write_text(text.replace(
                "'configs/", f"'{ROOT}/configs/"))
        path = folder / f'{name}.py'
    return Config.fromfile(path)


def narrow(cfg: Config) -> None:
    """ResNets and their heads at an eighth of the width; no weights."""
    from _shrink import divide, narrow

    model = cfg.model
    model.pretrained = None
    model.backbone.pop('init_cfg', None)
    if 'pretrained' in model.backbone:
        model.backbone.pretrained = False
    if model.backbone.type.startswith('ResNet'):
        model.backbone.base_channels = divide(64)
        for key in ('decode_head', 'sgc_head'):
            narrow(model.get(key))
    model.data_preprocessor.size = (SIZE, SIZE)
    if 'unsup_start' in model:
        model.unsup_start = 0


def stock_batch(num_classes: int) -> dict:
    """Two labelled images as a stock loader delivers them."""
    samples = []
    for k in range(2):
        mask = torch.full((1, SIZE, SIZE), k)
        mask[:, 9:30, 9:40] = num_classes - 1
        samples.append(SegDataSample(gt_sem_seg=PixelData(data=mask)))
        samples[-1].set_metainfo(dict(img_shape=(SIZE, SIZE)))
    return dict(inputs=[torch.randint(256, (3, SIZE, SIZE)).byte()
                        for _ in samples], data_samples=samples)


def make(cfg: Config, kind: str) -> SimpleNamespace:
    """Model, optimizer and batch of a config; the model wrapped.

    Args:
        cfg (Config): Made narrow here.
        kind (str): Another wrapper than that of the config; or empty.
    """
    from _synthetic_batch import synthetic_batch

    narrow(cfg)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    if kind:
        cfg.model_wrapper_cfg = dict(
            type=kind, device_ids=None, broadcast_buffers=False)
    # What a Runner of a distributed run looks at.
    runner = SimpleNamespace(distributed=True, cfg=cfg)
    model = Runner.wrap_model(runner, cfg.model_wrapper_cfg, model)
    torch.manual_seed(get_rank())
    head = cfg.model.decode_head
    head = head[-1] if isinstance(head, list) else head
    batch = synthetic_batch(cfg, (2, 2), (SIZE, SIZE)) \
        if 'sgc_head' in cfg.model else stock_batch(head.num_classes)
    optim = build_optim_wrapper(model, cfg.optim_wrapper)
    return SimpleNamespace(model=model, optim=optim, batch=batch)


def two_steps(cfg: Config, kind: str = '') -> dict:
    """Train; which weights moved or are frozen, and whether ranks agree."""
    one = make(cfg, kind)
    weights = dict(one.model.module.named_parameters())
    before = {name: value.detach().clone() for name, value in weights.items()}
    for _ in range(2):  # as MMEngine's loop
        one.model.train()
        one.model.train_step(one.batch, one.optim)
    flat = torch.cat([w.detach().flatten() for w in weights.values()])
    other = flat.clone()
    distributed.broadcast(other, 1)
    return dict(
        same=torch.equal(flat, other),
        moved=[n for n, v in weights.items() if not v.equal(before[n])],
        frozen=[n for n, v in weights.items() if not v.requires_grad])


class LateChannelsLast(Hook):
    """Converts a model that is wrapped already."""

    def before_train(self, runner: Runner) -> None:
        runner.model.to(memory_format=torch.channels_last)


def layouts(root: Path, folder: Path, hook: object) -> dict:
    """What DDP says of a run of two iterations, and where gradients are."""
    base = Config.fromfile(ROOT / 'configs/_base_/default_runtime.py')
    cfg = Config(tiny_run(root, folder, max_iters=2))
    cfg.update(launcher='pytorch', model_wrapper_cfg=base.model_wrapper_cfg)
    runner = Runner.from_cfg(cfg)
    runner.register_hook(hook)
    torch.set_warn_always(True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        runner.train()
    model, batch = runner.model, next(iter(runner.train_dataloader))
    data = model.module.data_preprocessor(batch, True)
    model.module.parse_losses(model(**data, mode='loss'))[0].backward()
    learned = [p for p in model.parameters() if p.requires_grad]
    return dict(
        wrapper=type(model).__name__,
        strides=sum('bucket view strides' in str(w.message) for w in caught),
        storages=len({p.grad.untyped_storage().data_ptr() for p in learned}),
        like_weights=all(p.grad.stride() == p.stride() for p in learned),
        flipped=sum(not p.is_contiguous() for p in learned))


@pytest.fixture(scope='module')
def found(tmp_path_factory) -> dict:
    """What became of each family, in one pair of processes."""
    folder = tmp_path_factory.mktemp('families')
    path = [str(TOOLS), *sys.path]
    write_voc(folder / 'VOC2012', VOC_LISTS)
    write_voc(folder / 'VOC2012', VOC_LISTS, folder='SegmentationClassAug')

    def work(rank: int) -> None:
        sys.path[:] = path
        init_default_scope('mmseg')
        jobs = {name: partial(layouts, folder / 'VOC2012', folder / name, hook)
                for name, hook in (('late', LateChannelsLast()),
                                   ('ours', ChannelsLastHook()))}
        for family, name in FAMILIES.items():
            jobs[family] = partial(two_steps, read(name, folder / str(rank)))
        jobs['stock'] = partial(
            two_steps, read(FAMILIES['small'], folder / str(rank)),
            'MMDistributedDataParallel')
        result = {}
        for name, job in jobs.items():
            try:
                result[name] = job()
            except Exception:
                result[name] = dict(error=traceback.format_exc())
        (folder / f'{rank}.json').write_text(json.dumps(result))

    for rank in '01':
        (folder / rank).mkdir()
    ends = in_ranks(2, work, folder)
    assert [end.code for end in ends] == [0, 0], ends
    return json.loads((folder / '0.json').read_text())


@pytest.mark.parametrize('device, keys, expected', [
    ('cpu', {}, dict(device_ids=None)),
    ('meta', {}, dict(device_ids=[1])),  # as on a GPU
    ('cpu', dict(broadcast_buffers=True), dict(broadcast_buffers=True)),
    ('cpu', dict(gradient_as_bucket_view=False, static_graph=True),
     dict(gradient_as_bucket_view=False, static_graph=True))])
def test_what_torch_is_given(monkeypatch, device, keys, expected):
    given = {}
    monkeypatch.setattr(MMDistributedDataParallel, '__init__',
                        lambda self, module, **kwargs: given.update(kwargs))
    model = torch.nn.Linear(2, 2, device=device).eval()
    FrozenFirstDistributedDataParallel(model, device_ids=[1], **keys)
    assert model.training
    assert given == dict(dict(
        device_ids=given['device_ids'], broadcast_buffers=False,
        gradient_as_bucket_view=True), **expected)


@pytest.mark.parametrize('family', FAMILIES)
def test_two_steps_in_two_processes(found, family):
    result = found[family]
    assert 'error' not in result, result['error']
    assert result['same']
    assert not set(result['moved']) & set(result['frozen'])
    for part in ('backbone', 'decode_head'):
        assert any(name.startswith(part) for name in result['moved'])
    # What ships frozen is frozen here, and nothing else is.
    stages = [n for n in result['frozen'] if n.startswith('backbone')]
    assert bool(stages) == (family in FROZEN)


def test_the_stock_wrapper_waits_for_frozen_weights(found):
    assert 'Expected to have finished reduction' in found['stock']['error']


def test_channels_last_comes_before_the_buckets(found):
    for name in ('late', 'ours'):
        assert 'error' not in found[name], found[name]['error']
        assert found[name]['wrapper'] == 'FrozenFirstDistributedDataParallel'
        assert found[name]['flipped'] > 10  # both are in that layout
    assert found['late']['strides'] > 0
    assert found['ours']['strides'] == 0
    assert found['ours']['storages'] == 1  # one bucket has them all
    assert found['ours']['like_weights']
