"""What check_data.py refuses, train.py does not pass: in the same words."""

import importlib
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from benching import tools_path  # noqa: F401  (a fixture)
from conftest import ROOT, pipelines, tiny_model, tiny_run, write_scenes
from mmengine.config import Config
from mmengine.fileio import LocalBackend, register_backend
from mmengine.runner import Runner
from PIL import Image
from test_check_data import (
    LABELED,
    UNLABELED,
    VAL,
    check,  # noqa: F401  (a fixture)
    errors,
    found,
)

CLASSES = ('background', 'box', 'disc')
PLACES = dict(images=('masks', 'abcd'), unlabeled=('', 'uvw'),
              val=('val_masks', 'yz'))


@pytest.fixture()
def own(tmp_path):
    """Own data in folders, as in docs/own_data.md; root and config."""
    root = tmp_path / 'my_data'
    write_scenes(''.join(names for _, names in PLACES.values()),
                 str(root / 'images/{}.png'), str(root / 'masks/{}.png'), 3)
    for folder, (masks, names) in PLACES.items():
        for name in names if folder != 'images' else '':
            for old, new in (('images', folder), ('masks', masks)):
                path = root / old / f'{name}.png'
                (root / new).mkdir(exist_ok=True)
                path.rename(root / new / path.name) if new else path.unlink()
    cfg = Config(tiny_run(root, tmp_path / 'work'))
    cfg.model = tiny_model(3)
    steps = pipelines(3)
    test = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
            dict(type='PackSegInputs')]
    part = dict(type='BaseSegDataset', data_root=str(root), ann_file='',
                img_suffix='.png', metainfo=dict(classes=CLASSES, palette=[]))
    cfg.train_dataloader.dataset = dict(
        type='SemiDataset',
        labeled=dict(part, pipeline=steps['labeled'], data_prefix=dict(
            img_path='images', seg_map_path='masks')),
        unlabeled=dict(part, pipeline=steps['unlabeled'], data_prefix=dict(
            img_path='unlabeled')))
    cfg.val_dataloader = dict(dataset=dict(
        part, pipeline=test, data_prefix=dict(
            img_path='val', seg_map_path='val_masks')))
    cfg.test_dataloader = cfg.val_dataloader
    return root, cfg


@pytest.fixture()
def start(tools_path):  # noqa: F811
    """``start(cfg)``: error text or warnings of train.py before a run."""
    module = importlib.import_module('train')

    def run(cfg):
        try:
            return '', module.check(Config(cfg._cfg_dict))
        except SystemExit as end:
            return str(end.code), []

    return run


def same_words(result: dict, text: str) -> None:
    """All errors of check_data.py, and nothing else, stand in train.py's."""
    findings = importlib.import_module('_data_findings')
    told = [findings.lines(findings.Finding(**one)) for one in errors(result)]
    assert told and result['code'] == 1
    lines = text.splitlines()
    assert lines[0].startswith('error: this cannot be trained (tools/check_')
    assert lines[1:] == [line for one in told for line in one]


def change(folder: Path, make, **kwargs) -> None:
    """Replace every image or mask of a folder by what ``make`` returns."""
    for path in sorted(folder.glob('*.png')):
        made = make(np.asarray(Image.open(path)))
        cv2.imwrite(str(path), made) if made.ndim == 3 else Image.fromarray(
            made).save(path, **kwargs)


def test_clean_data(check, start, own):  # noqa: F811
    _, cfg = own
    assert start(cfg) == ('', [])
    assert not errors(check(cfg, code=0))


def test_16_bits_of_colour(check, start, own):  # noqa: F811
    """A warning in both tools; the run logs it last, and goes on."""
    root, cfg = own
    change(root / 'images', lambda rgb: rgb.astype(np.uint16) * 16)
    finding = found(check(cfg, code=0), 'of 16 or more bits', 'warning')
    assert finding['where'] == LABELED and len(finding['files']) == 4
    assert 'PNG, mode RGB, 16 bits' in finding['files'][0]
    text, warned = start(cfg)
    assert not text and len(warned) == 1
    for part in (finding['text'], finding['remedy'], *finding['files']):
        assert part in warned[0]
    seen = []
    cfg.train_cfg.max_iters = 1
    cfg.custom_hooks = []
    for key in ('val_dataloader', 'test_dataloader'):
        cfg.pop(key)
    runner = Runner.from_cfg(cfg)
    runner.logger.warning = seen.append
    runner.register_hook(importlib.import_module('train').LastWordsHook(
        warned))
    runner.train()
    assert warned[0] in seen


def write_floats(rgb):
    return rgb[..., 0].astype(np.float32)


MASKS = {
    'label 3 is outside the 3 classes 0..2': lambda mask: np.where(
        mask == 2, 3, mask).astype(np.uint8),
    'hold 0 and 255 alone': lambda mask: (mask > 0).astype(np.uint8) * 255,
    'mask of colours': lambda mask: np.stack([mask * 100] * 2 + [mask], -1),
    'do not fit into 8 bits': lambda mask: mask.astype(np.uint16) * 500,
    'only class 0 is left': lambda mask: mask * 0,
    'mask of another size': lambda mask: mask[1:]}


@pytest.mark.parametrize('text', MASKS)
def test_masks_that_would_teach_nonsense(
        check, start, own, text):  # noqa: F811
    root, cfg = own
    change(root / 'masks', MASKS[text])
    told, _ = start(cfg)
    assert text in told and LABELED in told and 'do: ' in told
    same_words(check(cfg, code=1), told)


def test_reduce_zero_label_that_leaves_one_class(
        check, start, own):  # noqa: F811
    """An error of labelled and validation masks; two classes pass."""
    root, cfg = own
    parts = cfg.train_dataloader.dataset
    for part in (parts.labeled, parts.unlabeled, cfg.val_dataloader.dataset,
                 cfg.test_dataloader.dataset):
        part.reduce_zero_label = True
    result = check(cfg, code=0)
    assert start(cfg) == ('', [])
    assert 'reduce_zero_label=True makes class 0 of 1' in found(
        result, 'cannot be learnt: disc', 'warning')['remedy']
    for folder in ('masks', 'val_masks'):
        change(root / folder, lambda mask: np.minimum(mask, 1))
    text, _ = start(cfg)
    for part in (LABELED, VAL):
        assert (f'{part}: after reduce_zero_label only class 0 is left in '
                'all masks') in text
    assert 'do: set reduce_zero_label=False' in text
    same_words(check(cfg, code=1), text)


def test_all_masks_are_read_where_some_show_one_class(start, own):
    """More than the sample: the only box is in the last but one of 40."""
    root, cfg = own
    names = [f'n{i:02d}' for i in range(40)]
    write_scenes(names, str(root / 'images/{}.png'),
                 str(root / 'masks/{}.png'), 3)
    masks = sorted((root / 'masks').glob('*.png'))
    change(root / 'masks', lambda mask: mask * 0)
    assert 'only class 0 is left in all masks' in start(cfg)[0]
    Image.fromarray(np.eye(48, 64, dtype=np.uint8)).save(masks[-2])
    assert start(cfg) == ('', [])


def test_float_tiffs_are_whole(check, start, own):  # noqa: F811
    """Named by their format; allowed as damaged ones are; PIL reads them."""
    root, cfg = own
    parts = cfg.train_dataloader.dataset
    parts.unlabeled.img_suffix = '.tif'
    for path in (root / 'unlabeled').glob('*.png'):
        Image.fromarray(write_floats(np.asarray(Image.open(path)))).save(
            path.with_suffix('.tif'))
        path.unlink()
    text, _ = start(cfg)
    assert (f'{UNLABELED}: 3 images of a format that the loader cannot '
            'read') in text
    assert 'TIFF, mode F, 32 bits, floating point' in text
    assert 'imdecode_backend' in text and 'damaged' not in text
    same_words(check(cfg, code=1), text)
    parts.max_corrupt = 3
    assert start(cfg) == ('', [])
    parts.max_corrupt = 0
    parts.unlabeled.pipeline[0].imdecode_backend = 'pillow'
    assert 'of floating-point values' in start(cfg)[1][0]


def test_lists_as_windows_writes_them(check, start, own):  # noqa: F811
    """A mark and an empty line: refused, and cleaned; UTF-16: refused."""
    root, cfg = own
    parts = cfg.train_dataloader.dataset
    names = [path.stem for path in sorted((root / 'images').glob('*'))]
    held = [path.stem for path in sorted((root / 'val').glob('*'))]
    (root / 'lab.txt').write_bytes('\r\n'.join(names).encode('utf-8-sig'))
    (root / 'val.txt').write_bytes('\r\n'.join([*held, '', '']).encode())
    parts.labeled.ann_file = 'lab.txt'
    cfg.val_dataloader.dataset.ann_file = 'val.txt'
    cfg.test_dataloader.dataset.ann_file = 'val.txt'
    text, _ = start(cfg)
    assert 'lab.txt, line 1: begins with a byte order mark' in text
    assert 'val.txt, line 3: the line is empty' in text
    result = check(cfg, '--fix-lists', code=1)
    same_words(result, text)
    assert (root / 'lab.fixed.txt').read_bytes() == (
        '\n'.join([*names, '']).encode())
    assert (root / 'val.fixed.txt').read_text().split() == held
    parts.labeled.ann_file = 'lab.fixed.txt'
    cfg.val_dataloader.dataset.ann_file = 'val.fixed.txt'
    cfg.test_dataloader.dataset.ann_file = 'val.fixed.txt'
    assert start(cfg) == ('', []) and not errors(check(cfg, code=0))
    (root / 'lab.txt').write_bytes('\r\n'.join(names).encode('utf-16'))
    parts.labeled.ann_file = 'lab.txt'
    text, _ = start(cfg)
    assert re.search(r'lab\.txt, line 1: is text in UTF-16; .*UTF-8', text)
    same_words(check(cfg, code=1), text)


def test_tags_as_spreadsheets_write_them(check, start, own):  # noqa: F811
    root, cfg = own
    cfg.train_dataloader.dataset.tag_file = 'tags.txt'
    cfg.model.image_labels = True
    names = [path.stem for path in sorted((root / 'unlabeled').glob('*'))]
    for ending, cause in ((',box,disc', 'by blanks or tabs, not commas'),
                          ('.png box disc', 'the name without suffix: u')):
        (root / 'tags.txt').write_text(
            '\n'.join(f'{name}{ending}' for name in names))
        text, _ = start(cfg)
        assert f'tags.txt, line 1: \'u{ending.split()[0]}' in text
        assert cause in text and 'remove' not in text
        same_words(check(cfg, code=1), text)
    (root / 'tags.txt').write_text(
        '\n'.join(f'{name} box disc' for name in names))
    assert start(cfg) == ('', [])


def test_two_folders_and_other_wrappers(check, start, own):  # noqa: F811
    """A ConcatDataset passes, counted as one; RepeatDataset does not."""
    root, cfg = own
    parts = cfg.train_dataloader.dataset
    part = parts.labeled
    write_scenes('ef', str(root / 'images2/{}.png'),
                 str(root / 'masks2/{}.png'), 3, 50)
    change(root / 'masks2', lambda mask: mask * 0)  # shows the background
    parts.labeled = dict(type='ConcatDataset', datasets=[part, dict(
        part, data_prefix=dict(img_path='images2', seg_map_path='masks2'))])
    assert start(cfg) == ('', [])
    result = check(cfg, code=0)
    assert not errors(result) and 'cannot be learnt' not in result['printed']
    assert {key: row['images'] for key, row in result['lists'].items()
            if key.startswith(LABELED)} == {
        f'{LABELED}.datasets.0': 4, f'{LABELED}.datasets.1': 2}
    assert '6 a batch and GPU' in result['printed']
    parts.labeled = dict(type='RepeatDataset', times=2, dataset=part)
    text, _ = start(cfg)
    assert (f'{LABELED}.type=RepeatDataset cannot be a part of SemiDataset: '
            'the batch sampler') in text
    same_words(check(cfg, code=1), text)


def test_suffixes_and_folders_that_do_not_fit(check, start, own):  # noqa: F811
    _, cfg = own
    part = cfg.train_dataloader.dataset.labeled
    part.img_suffix = '.jpeg'
    text, _ = start(cfg)
    assert "ends with '.jpeg' (there are 4 .png); set " in text
    assert 'empty' not in text
    same_words(check(cfg, code=1), text)
    part.data_root = 'nowhere'
    text, _ = start(cfg)
    assert 'nowhere and nowhere/images: no such file or folder' in text
    assert 'docs/own_data.md' in text
    same_words(check(cfg, code=1), text)


def test_validation_images_among_the_labelled(check, start, own):  # noqa: F811
    root, cfg = own
    cfg.val_dataloader.dataset.data_prefix = dict(
        img_path='images', seg_map_path='masks')
    cfg.test_dataloader.dataset.data_prefix = dict(
        img_path='images', seg_map_path='masks')
    text, _ = start(cfg)
    assert 'also in val_dataloader.dataset' in text
    same_words(check(cfg, code=1), text)


@pytest.mark.parametrize('remote', [
    dict(backend_args=dict(backend='elsewhere')),
    dict(data_prefix=dict(img_path='s3://bucket/images'))])
def test_images_of_another_machine_are_left_alone(start, own, remote):
    """Their lists are read; train.py cannot say that they are missing."""
    register_backend('elsewhere', LocalBackend, force=True)
    root, cfg = own
    part = cfg.train_dataloader.dataset.unlabeled
    (root / 'unl.txt').write_text('far\n')
    part.ann_file = str(root / 'unl.txt')
    assert 'listed but missing' in start(cfg)[0]
    part.update(remote)
    assert start(cfg) == ('', [])


@pytest.mark.parametrize('name', ['pseudoseg/voc_1_8.py',
                                  'supervised/sup_voc_1_8.py'])
def test_a_voc_config_without_data(start, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, _ = start(Config.fromfile(ROOT / 'configs' / name))
    assert 'data/VOCdevkit/VOC2012' in text and 'docs/data.md' in text
    assert (ROOT / 'docs/data.md').is_file()
    assert not os.listdir(tmp_path)
