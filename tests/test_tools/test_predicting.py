"""Files as users have them: what test.py and its like make of them.

Own data as docs/own_data.md has it: new images without masks, one name in two
folders, photographs larger than those of the training, and a checkpoint of
other classes.
"""

import shutil
import sys
from pathlib import Path

import mmcv
import numpy as np
import pytest
import torch
from conftest import write_scenes
from inprocess import tool_main  # noqa: F401  (a fixture)
from mmengine.config import Config
from mmseg.apis import inference_model, init_model
from mmseg.models.backbones import MobileNetV2
from running import forget_runs
from tiny import ROOT, TOOLS

CONFIG = '''
_base_ = '{root}/configs/small/pseudoseg_animals_1_16.py'
own = dict(data_root='{data}', ann_file='', metainfo=dict(
    classes={classes}, palette=[]))
train_dataloader = dict(
    batch_size=4, num_workers=0, persistent_workers=False,
    batch_sampler=dict(source_ratio=dict(unlabeled=1)), dataset=dict(
        labeled=dict(own, data_prefix=dict(
            img_path='train/images', seg_map_path='train/masks')),
        unlabeled=dict(own, data_prefix=dict(img_path='images'))))
val_dataloader = dict(dataset=dict(own, data_prefix=dict(
    img_path='images', seg_map_path='masks')))
test_dataloader = val_dataloader
model = dict(decode_head=dict(num_classes={number}),
             sgc_head=dict(num_classes={number}))
train_cfg = dict(max_iters=1, val_interval=1)
'''
NAMES = ['camA/1', 'camB/1', 'c']


def write_config(path, data, *classes):
    path.write_text(CONFIG.format(root=ROOT, data=data, number=len(classes),
                                  classes=classes))
    return path


@pytest.fixture(scope='module')
def own(tmp_path_factory):
    """Four configs; a checkpoint of clear opinions of the first."""
    folder = tmp_path_factory.mktemp('own')
    data = folder / 'data'
    write_scenes(NAMES, str(data / 'images/{}.jpg'),
                 str(data / 'masks/{}.png'), 3, 300)
    for part in ('images', 'masks'):
        shutil.copytree(data / part, data / 'train' / part)
    (data / 'l.txt').write_text('\n'.join(NAMES))
    three = write_config(folder / 'three.py', data, 'sky', 'cat', 'dog')
    write_config(folder / 'two.py', data, 'sky', 'cat')
    write_config(folder / 'order.py', data, 'sky', 'dog', 'cat')
    write_config(folder / 'four.py', data, 'sky', 'cat', 'dog', 'cow')
    torch.manual_seed(0)
    model = init_model(str(three), device='cpu')
    model.decode_head.conv_seg.weight.data.normal_(std=30)
    torch.save(dict(state_dict=model.state_dict(), meta=dict(
        dataset_meta=dict(classes=('sky', 'cat', 'dog')))),
        folder / 'three.pth')
    return folder


@pytest.fixture()
def tool(own, tool_main, monkeypatch, tmp_path):  # noqa: F811
    """``tool(name, *args)`` in an empty folder; what it prints."""
    monkeypatch.chdir(tmp_path)
    for folder in (TOOLS, TOOLS / 'analysis_tools'):
        monkeypatch.syspath_prepend(str(folder))

    def run(name, *args, ok=True):
        forget_runs()
        try:
            return tool_main(name, *args, ok=ok)
        except ValueError as error:
            assert not ok
            return str(error)

    return run


def files(folder):
    return sorted(p.relative_to(folder).as_posix()
                  for p in Path(folder).rglob('*') if p.is_file())


def test_new_images_without_masks(own, tool, tmp_path):
    """Told what to do; with --out the classes that stock inference says."""
    shutil.copytree(own / 'data/images', own / 'data/new', dirs_exist_ok=True)
    args = [own / 'three.py', own / 'three.pth', '--cfg-options',
            'test_dataloader.dataset.data_prefix.img_path=new',
            'test_dataloader.dataset.data_prefix.seg_map_path=none']
    log = tool('test', *args, ok=False)
    assert 'three.py: none of the 3 images' in log and '--out DIR' in log
    log = tool('test', *args, '--out', 'out', '--show-dir')
    assert 'nothing is measured' in log and 'mIoU:' not in log
    assert files('out') == ['c.png', 'camA/1.png', 'camB/1.png']
    model = init_model(str(own / 'three.py'), str(own / 'three.pth'), 'cpu')
    for name in NAMES:
        said = inference_model(model, str(own / f'data/new/{name}.jpg'))
        made = mmcv.imread(f'out/{name}.png', 'unchanged')
        # channels_last, which a Runner's hook sets, rounds in another way.
        assert (made != said.pred_sem_seg.data[0].numpy()).mean() < 1e-4
        assert len(np.unique(made)) > 1
    assert files('work_dirs/three/test/pictures') == [
        'c.jpg', 'camA/1.jpg', 'camB/1.jpg']


def test_one_name_in_two_folders(own, tool, tmp_path):
    """Masks, pictures and pseudo labels keep the folders."""
    args = own / 'three.py', own / 'three.pth'
    log = tool('test', *args, '--out', tmp_path / 'out', '--show-dir',
               tmp_path / 'show')
    assert 'mIoU' in log
    assert files('out') == ['c.png', 'camA/1.png', 'camB/1.png']
    assert files('show') == ['c.jpg', 'camA/1.jpg', 'camB/1.jpg']
    tool('generate_pseudo_labels', *args, '--list', 'l.txt', '--out',
         tmp_path / 'labels')
    assert files('labels') == [
        'c.png', 'camA/1.png', 'camB/1.png', 'source.json']


def test_augmented_sizes_are_factors_of_the_tested_one(own, tool,
                                                       monkeypatch):
    """192 pixels as in training, not the 400 of the photographs."""
    seen = []
    forward = MobileNetV2.forward

    def watch(self, x):
        seen.append(max(x.shape[2:]))
        return forward(self, x)

    monkeypatch.setattr(MobileNetV2, 'forward', watch)
    args = (own / 'three.py', own / 'three.pth', '--cfg-options',
            'test_dataloader.dataset.indices=1')
    tool('test', *args)
    assert set(seen) == {192}
    seen.clear()
    tool('test', *args, '--tta')
    assert set(seen) == {96, 144, 192, 240, 288, 336}


@pytest.mark.parametrize('name, args', [
    ('test', []), ('test', ['--tta']), ('train', ['--resume']),
    ('generate_pseudo_labels', ['--list', 'l.txt', '--out', 'x']),
    ('confusion_matrix', []), ('calibration', []), ('label_quality', []),
    ('compare_predictions', ['--out', 'x.png'])])
def test_a_checkpoint_of_other_classes(own, tool, name, args):
    # Training would refuse the masks of a third class before.
    config, other = (('four.py', 4) if name == 'train' else ('two.py', 2))
    config, checkpoint = own / config, own / 'three.pth'
    words = [config, *args, checkpoint] if name == 'train' else [
        config, checkpoint, *args]
    log = tool(name, *words, ok=False)
    assert f'{checkpoint} does not fit' in log and config.name in log
    assert ('the checkpoint has 3 classes (sky, cat, dog), the config '
            f'{other}' in log)


@pytest.mark.parametrize('name', ['test', 'compare_predictions'])
def test_the_same_classes_in_another_order(own, tool, name):
    args = ['--out', 'x.png'] if name == 'compare_predictions' else []
    log = tool(name, own / 'order.py', own / 'three.pth', *args, ok=False)
    assert 'in another order' in log


def test_fine_tuning_may_differ(own, tool):
    """load_from takes what fits, as ever."""
    tool('train', own / 'four.py', '--cfg-options',
         f'load_from={own}/three.pth')
    assert Path('work_dirs/four/iter_1.pth').is_file()


def test_the_config_of_a_resumed_run_can_be_tested(own, tool, tmp_path):
    cfg = Config.fromfile(own / 'three.py')
    cfg.resume = True
    cfg.dump(tmp_path / 'resumed.py')
    assert 'mIoU' in tool('test', tmp_path / 'resumed.py', own / 'three.pth')


def test_colours_of_an_empty_palette(own, tool, monkeypatch):
    """What the tools hand to the data sets, and so to every picture."""
    monkeypatch.setattr(sys, 'argv', ['test.py', str(own / 'three.py'),
                                      'x.pth'])
    module = __import__('test')
    cfg = module.load_config(module.parse_args())
    assert cfg.test_dataloader.dataset.metainfo.palette[0] == [0, 0, 0]
    assert cfg.train_dataloader.dataset.labeled.metainfo.palette == (
        cfg.test_dataloader.dataset.metainfo.palette)
