"""Every config that ships: loads, is consistent, builds, trains a step."""

from collections import Counter
from pathlib import Path

import pytest
from conftest import ROOT, VOC_LISTS, write_voc
from mmengine.config import Config
from mmengine.runner import Runner

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


def test_count_and_names():
    assert len(LEAVES) == 86
    twice = [n for n, k in Counter(p.stem for p in LEAVES).items() if k > 1]
    assert not twice, 'work_dirs are named after the basename'


@leaves
def test_loads_and_is_consistent(path: Path, tmp_path: Path):
    cfg = Config.fromfile(path)
    cfg.dump(tmp_path / 'dumped.py')
    assert Config.fromfile(tmp_path / 'dumped.py').to_dict() == cfg.to_dict()
    assert cfg.param_scheduler[-1].end == cfg.train_cfg.max_iters
    classes = {cfg.model.decode_head.num_classes}
    crops = {tuple(cfg.model.data_preprocessor.size)}
    for part in parts(cfg):
        for step in part.pipeline:
            if step.type == 'RandomCrop':
                crops.add(tuple(step.crop_size))
            classes.add(step.get('num_classes', min(classes)))
    if 'sgc_head' in cfg.model:
        classes.add(cfg.model.sgc_head.num_classes)
        loader = cfg.train_dataloader
        shares = sum(loader.batch_sampler.source_ratio.values())
        assert loader.batch_size % shares == 0
        assert cfg.model.get('image_labels', False) is ('tags' in path.stem)
    assert len(classes) == 1 and len(crops) == 1
    assert cfg.custom_imports.imports == ['mmseg_pseudoseg']


@leaves
def test_trains_a_step(path: Path, tmp_path: Path):
    """On its own data format; the network as it ships, on smaller crops."""
    cfg = Config.fromfile(path)
    num_classes = cfg.model.decode_head.num_classes
    root = tmp_path / 'data'
    for part, name in zip(parts(cfg), ('labeled', 'unlabeled')):
        ids = VOC_LISTS[f'pseudoseg/1_8/{name}']
        write_voc(root, {'all': ids}, num_classes,
                  folder=part.data_prefix.seg_map_path)
        (root / part.ann_file).parent.mkdir(parents=True, exist_ok=True)
        (root / part.ann_file).write_text('\n'.join(ids) + '\n')
        part.data_root = str(root)
        for step in part.pipeline:
            if step.type == 'RandomCrop':
                step.crop_size = (65, 65)
    if 'tag_file' in cfg.train_dataloader.dataset:
        (root / cfg.train_dataloader.dataset.tag_file).write_text(
            '\n'.join(VOC_LISTS['pseudoseg/1_8/unlabeled']) + '\n')
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.batch_size = len(parts(cfg)) * 2
    cfg.model.data_preprocessor.size = (65, 65)
    if 'unsup_start' in cfg.model:
        cfg.model.unsup_start = 0
    cfg.model.pretrained = None
    cfg.model.backbone.pop('init_cfg', None)
    if cfg.model.backbone.type == 'mmpretrain.TIMMBackbone':
        cfg.model.backbone.pretrained = False
        if path.parent.name == 'ablations':  # fewer blocks, the same stages
            cfg.model.backbone.model_name = 'xception41'
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
