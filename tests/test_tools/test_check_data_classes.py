"""check_data.py: odd files, label maps, tags, layouts and wrappers."""

import shutil

import numpy as np
import pytest
from benching import tools_path  # noqa: F401  (a fixture)
from conftest import VOC_LISTS, write_scenes
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image
from test_check_data import (
    IDS,
    LABELED,
    UNLABELED,
    VAL,
    append,
    check,  # noqa: F401  (a fixture)
    errors,
    found,
    remask,
    voc_config,
)

TAGS = 'train_dataloader.dataset.tag_file'


def odd_image(kind: str, image: Image.Image, path) -> None:
    """Save an image in a way that the stock loader takes."""
    exif = Image.Exif()
    exif[0x0112] = 3
    wide = np.asarray(image.convert('L')).astype(np.uint16) * 200
    {'cmyk': lambda: image.convert('CMYK').save(path),
     'grey': lambda: image.convert('L').save(path),
     'alpha': lambda: image.convert('RGBA').save(path, 'PNG'),
     'palette': lambda: image.convert('P').save(path, 'PNG'),
     'turned': lambda: image.save(path, exif=exif),
     'deep': lambda: Image.fromarray(wide).save(path, 'PNG')}[kind]()


ODD = ('cmyk', 'grey', 'alpha', 'palette', 'turned', 'deep')


def test_odd_files_that_training_takes(check, voc_root):  # noqa: F811
    """The data set loads each of them; two deserve a warning."""
    cfg = voc_config(voc_root)
    masks = [lambda m: (m == 1), lambda m: m.astype(np.uint16),
             lambda m: m * 0]
    for kind, change in zip(ODD, [*masks, *[None] * 3]):
        name = f'{kind}  blanks é'
        source = voc_root / f'JPEGImages/{IDS[0]}.jpg'
        with Image.open(source) as image:
            odd_image(kind, image, voc_root / f'JPEGImages/{name}.jpg')
        mask = voc_root / f'SegmentationClassAug/{name}.png'
        shutil.copy(voc_root / f'SegmentationClassAug/{IDS[0]}.png', mask)
        if change:
            remask(mask, change)
        append(voc_root, 'pseudoseg/1_8/labeled', name)
    result = check(cfg, code=0)
    data = DATASETS.build(cfg.train_dataloader.dataset)
    for i in range(4 + len(ODD)):
        data[i]
    turned = found(result, 'turned by EXIF', 'warning')
    deep = found(result, '16 or more bits', 'warning')
    assert [len(f['files']) for f in (turned, deep)] == [1, 1]
    assert 'turned' in turned['files'][0] and 'deep' in deep['files'][0]


def test_labels_as_the_data_set_maps_them(check, tmp_path):  # noqa: F811
    """reduce_zero_label of one list, label_map of another, by hand."""
    root = tmp_path / 'data'
    write_scenes(['a', 'b'], str(root / 'img/{}.jpg'),
                 str(root / 'seg/{}.png'), 5)
    cfg = voc_config(root)
    raw = np.stack([np.asarray(Image.open(root / f'seg/{name}.png'))
                    for name in 'ab'])
    part = dict(
        type='BaseSegDataset', data_root=str(root), reduce_zero_label=True,
        metainfo=dict(classes=list('wxyz')), pipeline=[
            dict(type='LoadAnnotations')],
        data_prefix=dict(img_path='img', seg_map_path='seg'))
    cfg.train_dataloader = dict(batch_size=2, dataset=part)
    cfg.model.decode_head.num_classes = 4
    cfg.model.sgc_head.num_classes = 4
    cfg.val_dataloader.dataset = cfg.test_dataloader.dataset = dict(part)
    rows = check(cfg, code=1)['classes']['train_dataloader.dataset']
    assert [r['pixels'] for r in rows] == [
        int((raw == k).sum()) for k in (1, 2, 3, 4)]
    part.update(reduce_zero_label=False, type='PascalVOCDataset',
                ann_file='list.txt',
                metainfo=dict(classes=('bicycle', 'aeroplane')))
    (root / 'list.txt').write_text('a\nb\n')
    cfg.train_dataloader.dataset = dict(part)
    result = check(cfg, code=1)
    rows = result['classes']['train_dataloader.dataset']
    assert [r['pixels'] for r in rows] == [
        int((raw == 2).sum()), int((raw == 1).sum())]
    assert "its classes are ['w'" in found(result, 'its classes')['text']
    assert len([f for f in errors(result) if f['where'].endswith(
        'num_classes')]) == 2


@pytest.fixture()
def tagged(voc_root):
    """The toy run with complete, true tags; path of the tag file."""
    cfg = voc_config(voc_root)
    classes = DATASETS.build(cfg.val_dataloader.dataset).metainfo['classes']
    lines = []
    for name in VOC_LISTS['trainaug']:
        mask = np.asarray(Image.open(
            voc_root / f'SegmentationClassAug/{name}.png'))
        lines.append(' '.join([name] + [
            classes[k] for k in np.unique(mask) if 0 < k < 21]))
    path = voc_root / 'tags.txt'
    path.write_text('\n'.join(lines))
    cfg.train_dataloader.dataset.tag_file = 'tags.txt'
    cfg.model.image_labels = True
    return cfg, path, lines


def test_tags_against_masks(check, tagged, voc_root):  # noqa: F811
    """Labelled images always; hidden masks only where that is allowed."""
    cfg, path, lines = tagged
    assert 'contradict' not in check(cfg, '--open-hidden-masks')['printed']
    closed = VOC_LISTS['trainaug'].index('2007_000012')
    lines[0] = f'{IDS[0]} aeroplane person'  # of aeroplane and bicycle
    lines[closed] = '2007_000012'
    path.write_text('\n'.join(lines))
    result = check(cfg, code=0)
    finding = found(result, 'contradict', 'warning')
    assert finding['where'] == TAGS
    assert [IDS[0] in file for file in finding['files']] == [True]
    assert 'not in the mask: person' in finding['files'][0]
    assert 'not tagged: bicycle' in finding['files'][0]
    result = check(cfg, '--open-hidden-masks', code=0)
    files = found(result, 'contradict', 'warning')['files']
    assert len(files) == 2 and '2007_000012' in files[1]


def test_tags_that_do_not_fit(check, tagged, voc_root):  # noqa: F811
    cfg, path, lines = tagged
    path.write_text('\n'.join(line.replace('aeroplane', 'plane')
                              for line in lines))
    finding = found(check(cfg, code=1), 'unknown class')
    assert finding['where'] == TAGS and 'line 1' in finding['text']
    path.write_text('\n'.join(line.split()[0] for line in lines))
    result = check(cfg, '--cfg-options', 'model.image_labels=False', code=0)
    assert 'tvmonitor' in found(result, 'no image is tagged',
                                'warning')['text']
    found(result, 'the tags are not used', 'warning')
    (voc_root / 'JPEGImages/sub').mkdir()
    shutil.copy(voc_root / f'JPEGImages/{IDS[1]}.jpg',
                voc_root / 'JPEGImages/sub')
    append(voc_root, 'trainaug', f'sub/{IDS[1]}')
    finding = found(check(cfg, code=1), 'of two images each')
    assert finding['files'] == [IDS[1]]


def test_folders_without_lists(check, voc_root):  # noqa: F811
    """What a folder leaves aside is told; its cleaned list passes."""
    cfg = voc_config(voc_root)
    key, part = 'train_dataloader.dataset', cfg.val_dataloader.dataset
    cfg.train_dataloader = dict(batch_size=2, dataset=dict(
        part, type='BaseSegDataset', ann_file='',
        metainfo=dict(classes=DATASETS.build(part).metainfo['classes'])))
    images = voc_root / 'JPEGImages'
    (images / f'{IDS[0]}.jpg').rename(images / f'{IDS[0]}.jpeg')
    (images / f'{IDS[1]}.jpg').write_text('no image')
    result = check(cfg, '--fix-lists', code=1)
    assert result['lists'][key]['images'] == 23
    other = found(result, "img_suffix is '.jpg'", 'warning')
    assert other['files'] == [str(images / f'{IDS[0]}.jpeg')]
    spare = found(result, 'without an image', 'warning')
    assert len(spare['files']) == 1 and IDS[0] in spare['files'][0]
    assert len(found(result, f'also in {VAL}')['files']) == 4
    fixed = voc_root / 'labeled.fixed.txt'
    assert fixed.read_text().split() == VOC_LISTS['trainaug'][2:]
    option = f'{key}.ann_file=labeled.fixed.txt'
    assert option in result['printed']
    check(cfg, '--cfg-options', option, code=0)


def test_layouts_wrappers_and_what_cannot_be_read(
        check, tmp_path):  # noqa: F811
    """Cityscapes' folders, COCO81, a list that is empty, one that is not."""
    city = tmp_path / 'cityscapes'
    write_scenes(['ulm/1', 'ulm/2'],
                 str(city / 'leftImg8bit/train/{}_leftImg8bit.png'),
                 str(city / 'gtFine/train/{}_gtFine_labelTrainIds.png'), 19)
    coco = tmp_path / 'coco'
    write_scenes(['7'], str(coco / 'img/{}.jpg'), str(coco / 'seg/{}.png'),
                 81)
    (tmp_path / 'none.txt').write_text('')
    steps = [dict(type='LoadAnnotations')]
    cfg = Config(dict(
        model=dict(decode_head=dict(num_classes=19)),
        train_dataloader=dict(batch_size=1, dataset=dict(
            type='RepeatDataset', times=3, dataset=dict(
                type='ConcatDataset', datasets=[dict(
                    type='CityscapesDataset', data_root=str(city),
                    pipeline=steps, data_prefix=dict(
                        img_path='leftImg8bit/train',
                        seg_map_path='gtFine/train'))]))),
        val_dataloader=dict(dataset=[
            dict(type='COCO81Dataset', data_root=str(coco), pipeline=steps,
                 data_prefix=dict(img_path='img', seg_map_path='seg')),
            dict(type='COCO81Dataset', data_root=str(tmp_path),
                 ann_file='none.txt'),
            dict(type='PascalVOCDataset', data_root=str(tmp_path / 'voc'),
                 ann_file='val.txt', data_prefix=dict(img_path='img'))])))
    result = check(cfg, code=1)
    assert {key: row['masks'] for key, row in result['lists'].items()} == {
        'train_dataloader.dataset.dataset.datasets.0': 2, f'{VAL}.0': 1}
    assert found(result, 'no image: ')['where'] == f'{VAL}.1'
    finding = found(result, 'cannot be read')
    assert finding['where'] == f'{VAL}.2'
    assert str(tmp_path / 'voc/val.txt') in finding['text']
    assert "its classes are ['background'" in found(
        result, 'its classes')['text']


def test_closed_masks_must_be_there(check, voc_root):  # noqa: F811
    """Self-training: pseudo labels are looked for, not looked into."""
    cfg = voc_config(voc_root)
    part = cfg.train_dataloader.dataset.unlabeled
    part.pipeline = cfg.train_dataloader.dataset.labeled.pipeline
    (voc_root / 'SegmentationClassAug/2007_000009.png').unlink()
    finding = found(check(cfg, code=1), 'missing that the pipeline loads')
    assert finding['where'] == UNLABELED
    assert ['2007_000009' in file for file in finding['files']] == [True]


def test_numbers_of_classes(check, voc_root):  # noqa: F811
    cfg = voc_config(voc_root)
    cfg.model.sgc_head.num_classes = 20
    step = cfg.train_dataloader.dataset.labeled.pipeline[2]
    step.num_classes = 20
    result = check(cfg, code=1)
    assert [f['where'] for f in errors(result)] == [
        'model.sgc_head.num_classes', f'{LABELED}.pipeline']
    step.num_classes = 22
    cfg.model.sgc_head.num_classes = 21
    found(check(cfg, code=0), 'lets labels from 21 on pass', 'note')
    head = dict(type='FCNHead', in_channels=32, num_classes=19)
    cfg.model.auxiliary_head = head
    finding = found(check(cfg, code=1), 'is 19, but metainfo.classes')
    assert finding['where'] == 'model.auxiliary_head.num_classes'
    cfg.model.auxiliary_head = [dict(head, num_classes=21), head]
    cfg.model.decode_head = [cfg.model.decode_head, dict(
        cfg.model.decode_head, num_classes=20)]
    wrong = [f['where'] for f in errors(check(cfg, code=1))]
    assert [key for key in wrong if key.endswith('num_classes')] == [
        'model.decode_head.1.num_classes',
        'model.auxiliary_head.1.num_classes']
