"""check_data.py: files that cannot be read, lists that overlap, fixing."""

import importlib
import json
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from benching import tools_path  # noqa: F401  (a fixture)
from conftest import VOC_LISTS, tiny_run, write_voc
from mmengine.config import Config
from PIL import Image

LABELED = 'train_dataloader.dataset.labeled'
UNLABELED = 'train_dataloader.dataset.unlabeled'
VAL = 'val_dataloader.dataset'
LISTS = 'ImageSets/Segmentation'
IDS = VOC_LISTS['pseudoseg/1_8/labeled']


def voc_config(root: Path) -> Config:
    """The toy run with a validation list."""
    cfg = Config(tiny_run(root, root))
    part = dict(cfg.train_dataloader.dataset.labeled)
    part.update(ann_file=f'{LISTS}/val.txt', pipeline=[
        dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
        dict(type='PackSegInputs')])
    cfg.val_dataloader = dict(dataset=part)
    cfg.test_dataloader = dict(dataset=part)
    return cfg


@pytest.fixture()
def check(tools_path, monkeypatch, tmp_path, capsys):  # noqa: F811
    """``check(cfg, *args)``: exit code, findings and numbers.

    The memory is left out; it has a test of its own.
    """
    module = importlib.import_module('check_data')
    monkeypatch.setattr(module, 'estimate', lambda *_: {})

    def run(cfg, *args, code=None):
        path, out = tmp_path / 'cfg.py', tmp_path / 'out.json'
        cfg.dump(path)
        out.unlink(missing_ok=True)
        monkeypatch.setattr(sys, 'argv', [
            'check_data.py', str(path), '--json', str(out), '--workers', '2',
            *map(str, args)])
        with pytest.raises(SystemExit) as end:
            module.main()
        result = json.loads(out.read_text())
        result['printed'] = capsys.readouterr().out
        result['code'] = end.value.code
        assert code is None or end.value.code == code, result['printed']
        return result

    return run


def found(result: dict, text: str, level: str = 'error') -> dict:
    """The one finding of a level whose text has ``text``."""
    hits = [f for f in result['findings']
            if text in f['text'] and f['level'] == level]
    assert len(hits) == 1, (text, result['printed'])
    return hits[0]


def errors(result: dict) -> list:
    return [f for f in result['findings'] if f['level'] == 'error']


def bomb(path: Path, length: int) -> None:
    """A PNG of some bytes that claims length x length pixels."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return (len(data).to_bytes(4, 'big') + body
                + zlib.crc32(body).to_bytes(4, 'big'))
    side = length.to_bytes(4, 'big')
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + chunk(
        b'IHDR', side + side + b'\x08\x00\x00\x00\x00')
        + chunk(b'IDAT', zlib.compress(b'\0' * 60)) + chunk(b'IEND', b''))


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


def remask(path: Path, change, mode=None, **kwargs) -> None:
    mask = np.asarray(Image.open(path))
    Image.fromarray(change(mask), mode).save(path, **kwargs)


def test_a_clean_config(check, voc_root):
    """No error; pixels and images as loops count them; masks stay closed."""
    for name in set(VOC_LISTS['trainaug']) - set(IDS):
        (voc_root / f'SegmentationClassAug/{name}.png').write_text('closed')
    cfg = voc_config(voc_root)
    result = check(cfg, code=0)
    assert not errors(result)
    pixels, images = np.zeros(21, int), np.zeros(21, int)
    for name in IDS:
        mask = Image.open(voc_root / f'SegmentationClassAug/{name}.png')
        for label in mask.getdata():
            if label < 21:
                pixels[label] += 1
        images += [label in mask.getdata() for label in range(21)]
    rows = result['classes'][LABELED]
    assert [row['pixels'] for row in rows] == pixels.tolist()
    assert [row['images'] for row in rows] == images.tolist()
    assert sum(row['share'] for row in rows) == pytest.approx(1)
    absent = found(result, 'in no mask', 'warning')['text'].split(': ')[1]
    assert absent.split(', ') == [
        row['name'] for row, number in zip(rows, images) if not number]
    assert result['lists'][UNLABELED] == dict(
        images=20, masks=0, median='48 x 64', largest='48 x 64')
    assert len(found(result, "as in the authors'", 'note')['files']) == 4
    opened = check(cfg, '--open-hidden-masks', code=1)
    assert len(found(opened, 'mask that is damaged')['files']) == 16


BROKEN = dict(
    missing=lambda img, seg: img.unlink(),
    truncated=lambda img, seg: halve(img),
    empty=lambda img, seg: img.write_bytes(b''),
    text=lambda img, seg: img.write_text('no image'),
    program=lambda img, seg: img.write_text('%!PS-Adobe-3.0 EPSF-3.0\n'),
    folder=lambda img, seg: (img.unlink(), img.mkdir()),
    bomb=lambda img, seg: bomb(img, 60000),
    no_mask=lambda img, seg: seg.unlink(),
    half_mask=lambda img, seg: halve(seg),
    mask_bomb=lambda img, seg: bomb(seg, 10000),
    colours=lambda img, seg: remask(
        seg, lambda m: np.stack([m, 0 * m, 255 - m], -1)),
    alpha=lambda img, seg: remask(seg, lambda m: np.stack([m, m], -1), 'LA'),
    grey=lambda img, seg: remask(seg, lambda m: np.stack([m] * 3, -1)),
    deep=lambda img, seg: remask(seg, lambda m: m.astype(np.uint16) * 1000),
    lossy=lambda img, seg: remask(seg, lambda m: m * 0, format='JPEG'),
    smaller=lambda img, seg: remask(seg, lambda m: m[1:]),
    outside=lambda img, seg: remask(
        seg, lambda m: np.where(m == 255, 21, m).astype(np.uint8)))
TEXTS = dict(
    missing='listed but missing', truncated='cannot be decoded',
    empty='cannot be decoded', text='cannot be decoded',
    program='none for PIL', folder='listed but missing',
    bomb='too large', no_mask='without a mask',
    half_mask='with a mask that is damaged', mask_bomb='with a mask too large',
    colours='mask of colours', alpha='mask of colours',
    grey='mask of colours', deep='do not fit into 8 bits', lossy='as JPEG',
    smaller='mask of another size', outside='outside the classes')


def test_each_broken_file_is_named_and_fixed(check, tmp_path):
    """All kinds at once; the cleaned list passes, and is not overwritten."""
    names = [f'{kind} ä' for kind in BROKEN]
    root = tmp_path / 'VOC 2012'
    write_voc(root, {'pseudoseg/1_8/labeled': [*names, 'whole', 'whole'],
                     'trainaug': ['free'], 'val': ['v']},
              folder='SegmentationClassAug')
    for name, spoil in zip(names, BROKEN.values()):
        spoil(root / f'JPEGImages/{name}.jpg',
              root / f'SegmentationClassAug/{name}.png')
    cfg = voc_config(root)
    result = check(cfg, '--fix-lists', code=1)
    for name, kind in zip(names, BROKEN):
        hits = [f for f in errors(result) if TEXTS[kind] in f['text']
                and any(f'/{name}.' in file for file in f['files'])]
        assert len(hits) == 1 and hits[0]['remedy'], kind
        assert hits[0]['where'] == LABELED
    assert len(errors(result)) == len(set(TEXTS.values()))
    assert 'three equal channels' in str(found(result, 'of colours')['files'])
    assert len(found(result, 'listed twice', 'warning')['files']) == 1
    fixed = root / LISTS / 'pseudoseg/1_8/labeled.fixed.txt'
    assert fixed.read_text() == 'whole\n'
    option = f'{LABELED}.ann_file={LISTS}/pseudoseg/1_8/labeled.fixed.txt'
    assert option in result['printed']
    clean = check(cfg, '--cfg-options', option, code=0)
    assert clean['lists'][LABELED]['images'] == 1
    check(cfg, '--fix-lists', code=1)  # the same lines: nothing to do
    fixed.write_text('mine\n')
    refused = check(cfg, '--fix-lists')
    assert 'holds another list' in refused['code']
    assert fixed.read_text() == 'mine\n'


def test_nothing_left_to_list(check, voc_root):
    for name in IDS:
        (voc_root / f'JPEGImages/{name}.jpg').unlink()
    result = check(voc_config(voc_root), '--fix-lists')
    assert 'every image' in result['code'] and LABELED in result['code']
    assert not list(voc_root.rglob('*.fixed.txt'))


def test_a_file_of_another_suffix_is_suggested(check, voc_root):
    image = voc_root / f'JPEGImages/{IDS[0]}.jpg'
    image.rename(image.with_suffix('.JPG'))
    result = check(voc_config(voc_root), code=1)
    missing = [f for f in errors(result) if 'missing' in f['text']]
    assert [f['where'] for f in missing] == [LABELED, UNLABELED]
    assert f'(there is {IDS[0]}.JPG)' in missing[0]['files'][0]


def test_binary_masks(check, voc_root):
    """All 0 and 255: an error; one such mask among others: a note."""
    folder = voc_root / 'SegmentationClassAug'
    cfg = voc_config(voc_root)

    def binary(path):
        remask(path, lambda m: (m > 0).astype(np.uint8) * 255)

    binary(folder / f'{IDS[0]}.png')
    assert len(found(check(cfg, code=0), '0 and 255', 'note')['files']) == 1
    for name in IDS[1:]:
        binary(folder / f'{name}.png')
    finding = found(check(cfg, code=1), 'hold 0 and 255 alone')
    assert len(finding['files']) == 4 and 'mask == 255' in finding['remedy']


def append(root, name, line):
    with (root / LISTS / f'{name}.txt').open('a') as file:
        file.write(f'{line}\n')
