"""label_quality.py: its counts against loops, its table as a user sees it."""

import sys

import numpy as np
import pytest
import torch
from conftest import VOC_LISTS, write_voc
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.utils import import_modules_from_strings
from mmseg.registry import MODELS
from tiny import TOOLS, tiny_config, tool

NAME = 'analysis_tools/label_quality.py'


@pytest.fixture()
def module(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.syspath_prepend(str(TOOLS / 'analysis_tools'))
    monkeypatch.setattr(sys, 'path', list(sys.path))
    return import_modules_from_strings('label_quality')


def test_counts_and_shares(module):
    generator = torch.Generator().manual_seed(0)
    masks, labels = torch.randint(0, 3, (2, 2, 9, 9), generator=generator)
    masks[0, 0], labels[1, :3] = 255, 255
    confusion = np.zeros((3, 3), int)
    for label, truth in zip(labels.flatten().tolist(),
                            masks.flatten().tolist()):
        if 255 not in (label, truth):
            confusion[truth, label] += 1
    assert np.array_equal(module.count(labels, masks, 3), confusion)
    pixels = int((masks != 255).sum())
    name, share, right, miou, labelled, true = module.row(
        'kept', confusion, pixels)
    total = confusion.sum()
    ious = [confusion[k, k] / sum(confusion[i, j] for i in range(3)
                                  for j in range(3) if k in (i, j))
            for k in range(3)]
    expected = (total / pixels,
                sum(confusion[k, k] for k in range(3)) / total,
                sum(ious) / 3, 1 - confusion[:, 0].sum() / total,
                1 - confusion[0].sum() / total)
    assert name == 'kept'
    for text, value in zip((share, right, miou, labelled, true), expected):
        assert text == f'{100 * value:.1f}'


def checkpoint(config, folder):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    path = folder / 'net.pth'
    torch.save(dict(state_dict=MODELS.build(
        Config.fromfile(config).model).state_dict(), meta={}), path)
    return path


def test_table(tmp_path):
    """A threshold that nothing reaches keeps nothing; tags are all right."""
    root = tmp_path / 'VOC2012'
    write_voc(root, VOC_LISTS)
    config = tiny_config('pseudoseg/voc_1_8.py', root, tmp_path / 'semi.py')
    path = checkpoint(config, tmp_path)

    def rows(*options):
        log = tool(NAME, config, path, '--num', 4, '--cfg-options',
                   'train_dataloader.dataset.unlabeled.data_prefix.'
                   'seg_map_path=SegmentationClass', *options, cwd=tmp_path)
        lines = [line.strip('|').split('|') for line in log.splitlines()
                 if line.startswith('|')]
        assert '"absent"' in log
        return {line[0].strip(): float(line[1]) for line in lines[2:]}

    assert rows() == dict(decoder=100, sgc=100, fused=100, kept=100)
    assert rows('model.pseudo_label.threshold=0.999')['kept'] == 0


def test_a_config_that_names_no_masks_is_refused(module, tmp_path,
                                                 monkeypatch):
    """The folder that the message asks for is all that is missing."""
    write_voc(tmp_path / 'VOC2012', VOC_LISTS)
    cfg = Config.fromfile(tiny_config(
        'pseudoseg/voc_1_8.py', tmp_path / 'VOC2012', tmp_path / 'semi.py'))
    prefix = cfg.train_dataloader.dataset.unlabeled.data_prefix
    del prefix['seg_map_path']
    cfg.dump(tmp_path / 'semi.py')
    monkeypatch.setattr(sys, 'argv', [
        NAME, str(tmp_path / 'semi.py'),
        str(checkpoint(tmp_path / 'semi.py', tmp_path))])
    key = 'train_dataloader.dataset.unlabeled.data_prefix.seg_map_path'
    with pytest.raises(SystemExit, match=(
            rf'semi.py: {key} is missing.*--cfg-options {key}=FOLDER.*'
            rf'data_root={tmp_path}/VOC2012')):
        module.main()
    prefix.seg_map_path = 'SegmentationClass'
    assert len(module.weak_views(cfg, 4)) == 4


def test_a_supervised_config_is_refused(tmp_path):
    root = tmp_path / 'VOC2012'
    write_voc(root, VOC_LISTS)
    config = tiny_config('supervised/sup_voc_1_8.py', root,
                         tmp_path / 'sup.py')
    log = tool(NAME, config, 'none.pth', cwd=tmp_path, ok=False)
    assert 'model.sgc_head is missing' in log and 'Traceback' not in log
