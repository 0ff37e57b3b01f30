"""Baseline and self-training resume without a look at what they skip."""

import mmcv
import pytest
import torch
from conftest import ROOT, read_checkpoint, write_scenes
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner


class Seen(Hook):
    """Images of each iteration."""

    def __init__(self):
        self.images = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.images.append([one.img_path for one in data_batch[
            'data_samples']])


def small(name, root, work_dir, **changes):
    """A shipped config of animals on a toy of its layout."""
    cfg = Config.fromfile(ROOT / f'configs/small/{name}.py')
    dataset = cfg.train_dataloader.dataset
    parts = [dataset.labeled, dataset.unlabeled] if 'labeled' in dataset \
        else [dataset]
    for number, part in zip((5, 9), parts):
        ids = [f'2007_{number:03d}{k:03d}' for k in range(number)]
        write_scenes(ids, f'{root}/{part.data_prefix.img_path}/{{}}.jpg',
                     f'{root}/{part.data_prefix.seg_map_path}/{{}}.png', 7)
        (root / part.ann_file).parent.mkdir(parents=True, exist_ok=True)
        (root / part.ann_file).write_text('\n'.join(ids) + '\n')
        part.data_root = str(root)
        for step in part.pipeline:
            if step.type == 'RandomCrop':
                step.crop_size = (49, 49)
    cfg.model.data_preprocessor.size = (49, 49)
    cfg.train_dataloader.batch_size = 4
    cfg.train_cfg.max_iters = 5
    cfg.default_hooks.checkpoint.interval = 3
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.work_dir, cfg.experiment_name = str(work_dir), work_dir.name
    cfg.update(changes)
    return cfg


def train(cfg):
    seen = Seen()
    runner = Runner.from_cfg(cfg)
    runner.register_hook(seen)
    runner.train()
    return seen.images


@pytest.mark.parametrize('name, bitwise', [
    ('sup_animals_1_16', False), ('st_animals_1_16', True)])
def test_resumes_with_the_next_images(tmp_path, monkeypatch, name, bitwise):
    root, log = tmp_path / 'animals', tmp_path / 'decoded'
    whole = train(small(name, root, tmp_path / 'whole'))
    stock = mmcv.imfrombytes

    def imfrombytes(*args, **kwargs):
        with open(log, 'a') as file:  # of workers, too
            file.write('x')
        return stock(*args, **kwargs)

    monkeypatch.setattr(mmcv, 'imfrombytes', imfrombytes)
    cfg = small(name, root, tmp_path / 'resumed', resume=True,
                load_from=str(tmp_path / 'whole/iter_3.pth'))
    assert cfg.train_dataloader.num_workers == 1
    assert train(cfg) == whole[3:]
    # Two batches of 4 images and masks, and two that the worker has ready.
    assert 16 <= len(log.read_text()) <= 32
    ends = [read_checkpoint(tmp_path / f'{run}/iter_5.pth')['state_dict']
            for run in ('whole', 'resumed')]
    same = all(torch.equal(v, ends[1][k]) for k, v in ends[0].items())
    assert same == bitwise  # docs/bad_days.md says which
