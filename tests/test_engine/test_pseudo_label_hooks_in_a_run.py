"""Both hooks in a run: they change nothing, and what they say is kept."""

import json
import math

import mmcv
import numpy as np
import pytest
import torch
from conftest import VOC_LISTS, read_checkpoint, tiny_run, write_voc
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.datasets import LoadAnnotations
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)

LABELED = set(VOC_LISTS['pseudoseg/1_8/labeled'])


class Losses(Hook):
    """Collects the losses of a run."""

    def __init__(self):
        self.values = []

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        """Note them."""
        self.values.append({k: float(v) for k, v in outputs.items()})


def run(root, work_dir, hooks=(), **changes):
    """Train three iterations; runner, losses and the last checkpoint."""
    cfg = tiny_run(root, work_dir, max_iters=3)
    losses = Losses()
    cfg['custom_hooks'] += [*hooks, losses]
    cfg['visualizer'] = dict(
        type='SegLocalVisualizer', name=f'of_{work_dir.name}', vis_backends=[
            dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
    cfg.update(changes)
    runner = Runner(**cfg)
    runner.train()
    last = read_checkpoint(work_dir / 'iter_3.pth')
    return runner, losses.values, last


def hooks(hidden_masks):
    """Both, due in the second iteration and in every one."""
    return [
        dict(type='PseudoLabelMonitorHook', interval=2,
             hidden_masks=hidden_masks),
        dict(type='PseudoLabelPanelHook', interval=1, num_images=1,
             hidden_masks=hidden_masks)]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A 21-class VOC."""
    path = tmp_path_factory.mktemp('hooks') / 'VOC2012'
    write_voc(path, VOC_LISTS, folder='SegmentationClassAug')
    return path


@pytest.fixture(scope='module')
def plain(root):
    """Losses and last checkpoint of a run without the hooks."""
    return run(root, root.parent / 'plain')[1:]


@pytest.fixture()
def opened(monkeypatch):
    """Ids of the masks that are opened."""
    ids, stock = [], LoadAnnotations._load_seg_map

    def load(self, results):
        ids.append(results['seg_map_path'][-15:-4])
        return stock(self, results)

    monkeypatch.setattr(LoadAnnotations, '_load_seg_map', load)
    return ids


def assert_equal(one, other):
    """Losses and weights are the same, bit for bit."""
    assert one[0] == other[0] and len(one[0]) == 3
    for name, value in one[1]['state_dict'].items():
        assert torch.equal(value, other[1]['state_dict'][name]), name


def pictures(folder):
    """Names of the files of pictures."""
    return sorted(path.name for path in folder.glob('*/vis_data/*/*.png'))


def test_hooks_change_no_loss_open_no_mask_and_are_kept(root, plain, opened):
    folder = root.parent / 'watched'
    runner, *found = run(root, folder, hooks(hidden_masks=False))
    assert_equal(plain, found)
    assert len(opened) == 6 and set(opened) <= LABELED
    assert pictures(folder) == [f'pseudo_label_0_{k}.png' for k in (1, 2, 3)]

    lines = [json.loads(line) for line in next(
        folder.glob('*/vis_data/scalars.json')).read_text().splitlines()]
    names = [k for k in lines[1] if k.startswith('pseudo.')]
    assert not set(names) <= lines[0].keys()
    shares = [lines[1][k] for k in names if k.startswith('pseudo.share.')]
    assert len(shares) == 21 and sum(shares) == pytest.approx(1)
    assert {'pseudo.entropy', 'pseudo.agreement', 'pseudo.positives',
            'pseudo.confidence', 'pseudo.weight'} <= set(names)
    assert not any('mIoU' in name for name in names)
    text = next(folder.glob('*/*.log')).read_text()
    log = [line for line in text.splitlines() if 'Iter(train) [2/3]' in line]
    for name in names:
        assert math.isfinite(lines[1][name])
        assert f'{name}: {lines[1][name]:.4f}' in log[0]

    events = EventAccumulator(str(next(folder.glob('*/vis_data'))))
    events.Reload()
    board = events.Tags()
    assert set(names) <= set(board['scalars'])
    assert board['images'] == ['pseudo_label_0']
    drawn = events.Images('pseudo_label_0')
    assert [one.step for one in drawn] == [1, 2, 3]
    file = mmcv.imread(str(next(folder.glob('*/*/*/pseudo_label_0_2.png'))))
    assert np.array_equal(mmcv.imfrombytes(drawn[1].encoded_image_string),
                          file)
    assert len(runner.model.observers) == 0


def test_hidden_masks_are_opened_and_change_no_loss(root, plain, opened):
    folder = root.parent / 'hidden'
    runner, *found = run(root, folder, hooks(hidden_masks=True))
    assert_equal(plain, found)
    # Labelled images 3 x 2, and the unlabelled ones of each panel, and of the
    # second iteration once more.
    assert len(opened) == 6 + 6 + 2 and not set(opened) <= LABELED
    for source in ('decoder', 'sgc', 'fused'):
        for metric in ('aAcc', 'mIoU'):
            value = runner.message_hub.get_scalar(
                f'train/pseudo.{source}.{metric}').current()
            assert 0 <= value <= 100


def test_a_resumed_run_goes_on_with_its_figures(root, plain):
    folder = root.parent / 'resumed'
    runner, losses, last = run(
        root, folder, hooks(hidden_masks=True), resume=True,
        load_from=str(root.parent / 'plain' / 'iter_1.pth'))
    assert losses == plain[0][1:]
    assert_equal(plain, (plain[0], last))
    assert pictures(folder) == ['pseudo_label_0_2.png', 'pseudo_label_0_3.png']
    history = runner.message_hub.get_scalar('train/pseudo.entropy')
    assert len(history.data[0]) == 1
    saved = last['message_hub']['log_scalars']['train/pseudo.entropy']
    assert saved.current() == history.current()
