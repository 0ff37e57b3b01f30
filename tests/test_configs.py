"""Every config that ships: loads, is consistent, builds, trains a step."""

import re
from collections import Counter
from pathlib import Path

import pytest
from conftest import ROOT, write_scenes
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner
from mmseg.registry import DATASETS

from mmseg_pseudoseg.config_checks import check_config

LEAVES = sorted(
    path for path in (ROOT / 'configs').glob('*/*.py')
    if path.parent.name != '_base_')
NAMES = [str(path.relative_to(ROOT / 'configs')) for path in LEAVES]
leaves = pytest.mark.parametrize('path', LEAVES, ids=NAMES)


def parts(cfg: Config) -> list:
    """The training datasets of a config."""
    dataset = cfg.train_dataloader.dataset
    if dataset.type == 'SemiDataset':
        return [dataset.labeled, dataset.unlabeled]
    return [dataset]


def decode_heads(cfg: Config) -> list:
    """The head, or those of a cascade."""
    head = cfg.model.decode_head
    return head if isinstance(head, list) else [head]


def test_count_and_names():
    assert len(LEAVES) == 136
    twice = [n for n, k in Counter(p.stem for p in LEAVES).items() if k > 1]
    assert not twice, 'work_dirs are named after the basename'


@leaves
def test_loads_and_is_consistent(path: Path, tmp_path: Path):
    cfg = Config.fromfile(path)
    cfg.dump(tmp_path / 'dumped.py')
    assert Config.fromfile(tmp_path / 'dumped.py').to_dict() == cfg.to_dict()
    assert cfg.param_scheduler[-1].end == cfg.train_cfg.max_iters
    assert not [p for p in check_config(cfg) if p.fatal]
    classes = {head.num_classes for head in decode_heads(cfg)}
    crops = {tuple(cfg.model.data_preprocessor.size)}
    for part in parts(cfg):
        for step in part.pipeline:
            if step.type == 'RandomCrop':
                crops.add(tuple(step.crop_size))
            crops.update(tuple(one.canvas) for one in step.get('strong', ())
                         if one.type == 'CutOut')
            classes.add(step.get('num_classes', min(classes)))
        names = part.get('metainfo', DATASETS.get(part.type).METAINFO)
        classes.add(len(names['classes']))
    if 'sgc_head' in cfg.model:
        classes.add(cfg.model.sgc_head.get('num_classes', min(classes)))
        loader = cfg.train_dataloader
        shares = sum(loader.batch_sampler.source_ratio.values())
        assert loader.batch_size % shares == 0
        # Recipes for GPUs copy without waiting; those for CPUs have no use.
        assert loader.get('pin_memory', False) is (loader.num_workers > 1)
        assert cfg.model.get('image_labels', False) is ('tags' in path.stem)
    assert len(classes) == 1 and len(crops) == 1
    imports = ['mmseg_pseudoseg']
    if cfg.model.backbone.type.startswith('mmpretrain.'):
        imports.append('mmseg_pseudoseg.mmpretrain_models')
    assert cfg.custom_imports.imports == imports
    assert cfg.tta_model and cfg.tta_pipeline


@leaves
def test_at_most_three_levels_above_the_bases(path: Path):
    """A leaf, what it changes, and the primitive that lists the bases."""
    chain = [path]
    while derives := re.search(r"^_base_ = '(.*)'", chain[-1].read_text(),
                               re.M):
        chain.append((chain[-1].parent / derives[1]).resolve())
    assert len(chain) <= 3
    assert len(path.read_text().splitlines()) <= 40


def write_part(part: ConfigDict, data: Path, num_classes: int,
               num: int) -> list:
    """Files and list of a part, named as its data set names them; the ids."""
    img, seg = '.jpg', '.png'
    ids = [f'2007_{k:06d}' for k in range(num)]
    if part.type == 'COCO81Dataset':
        ids = [f'{k:012d}' for k in range(num)]
    elif part.type == 'CityscapesDataset':
        ids = [f'ulm/ulm_{k:06d}_000019' for k in range(num)]
        img, seg = '_leftImg8bit.png', '_gtFine_labelTrainIds.png'
    elif part.type == 'iSAIDDataset':
        ids = [f'P{k:04d}_0_896_0_896' for k in range(num)]
        img, seg = '.png', '_instance_color_RGB.png'
    elif part.data_root == 'data':  # photographs from several folders
        ids = [*(f'coco/train2017/{k:012d}' for k in range(num)),
               *(f'VOCdevkit/VOC2012/JPEGImages/{i}' for i in ids)]
    root = data / Path(part.data_root).relative_to('data')
    masks = part.data_prefix.get('seg_map_path')
    write_scenes(ids, f'{root / part.data_prefix.img_path}/{{}}{img}',
                 masks and f'{root / masks}/{{}}{seg}', num_classes)
    (root / part.ann_file).parent.mkdir(parents=True, exist_ok=True)
    (root / part.ann_file).write_text('\n'.join(ids) + '\n')
    part.data_root = str(root)
    return ids


@leaves
def test_trains_a_step(path: Path, tmp_path: Path):
    """On its own data format; the network as it ships, on smaller crops.

    A leaf that derives from another one has fewer blocks in the same stages.
    """
    cfg = Config.fromfile(path)
    for part, num in zip(parts(cfg), (4, 20)):
        ids = write_part(part, tmp_path / 'data',
                         decode_heads(cfg)[-1].num_classes, num)
        for step in part.pipeline:
            if step.type == 'RandomCrop':
                step.crop_size = (65, 65)
            for one in step.get('strong', ()):
                if one.type == 'CutOut':
                    one.canvas = (65, 65)
    if 'tag_file' in cfg.train_dataloader.dataset:
        tag_file = Path(part.data_root, cfg.train_dataloader.dataset.tag_file)
        tag_file.parent.mkdir(parents=True, exist_ok=True)
        tag_file.write_text('\n'.join(Path(i).name for i in ids) + '\n')
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.batch_size = len(parts(cfg)) * 2
    cfg.model.data_preprocessor.size = (65, 65)
    if 'unsup_start' in cfg.model:
        cfg.model.unsup_start = 0
    cfg.model.pretrained = None
    backbone = cfg.model.backbone
    backbone.pop('init_cfg', None)
    derived = re.search("^_base_ = '", path.read_text(), re.M)
    if derived and backbone.type == 'AlignedXception':
        backbone.model_name = 'xception41'
    elif derived and backbone.get('depth') == 101:
        backbone.depth = 50
    cfg.train_cfg.max_iters = 1
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.default_hooks.checkpoint = None
    cfg.work_dir = str(tmp_path / 'work')
    cfg.experiment_name = path.stem
    runner = Runner.from_cfg(cfg)
    before = {
        name: value.detach().clone()
        for name, value in runner.model.named_parameters()
        if value.requires_grad
    }
    runner.train()
    moved = [n for n, v in runner.model.named_parameters()
             if n in before and not v.equal(before[n])]
    assert any('backbone' in name for name in moved)
    assert any('decode_head' in name for name in moved)
