"""check_data.py: the same pictures twice, in one list or in two."""

import shutil

from benching import tools_path  # noqa: F401  (a fixture)
from conftest import VOC_LISTS
from mmseg.registry import DATASETS
from test_check_data import (
    IDS,
    LABELED,
    LISTS,
    UNLABELED,
    VAL,
    append,
    check,  # noqa: F401  (a fixture)
    found,
    remask,
    voc_config,
)


def copy(root, old, new):
    for folder, suffix in (('JPEGImages', 'jpg'),
                           ('SegmentationClassAug', 'png')):
        shutil.copy(root / folder / f'{old}.{suffix}',
                    root / folder / f'{new}.{suffix}')


def test_the_same_pixels_under_two_names(check, voc_root):  # noqa: F811
    """In a list a warning, more so if the masks differ; leaks are errors."""
    copy(voc_root, IDS[0], 'twin')
    append(voc_root, 'pseudoseg/1_8/labeled', 'twin')
    cfg = voc_config(voc_root)
    result = check(cfg, code=0)
    finding = found(result, 'pixels of another one', 'warning')
    assert IDS[0] in finding['files'][0] and 'twin' in finding['files'][0]
    assert 'two masks' not in result['printed']
    remask(voc_root / 'SegmentationClassAug/twin.png', lambda m: m * 0)
    found(check(cfg, code=0), 'two masks', 'warning')
    append(voc_root, 'val', 'twin')
    leak = found(check(cfg, '--fix-lists', code=1), f'also in {VAL}')
    assert leak['where'] == LABELED and len(leak['files']) == 2
    fixed = voc_root / LISTS / 'pseudoseg/1_8/labeled.fixed.txt'
    assert fixed.read_text().split() == IDS[1:]
    free = voc_root / LISTS / 'trainaug.fixed.txt'
    assert free.read_text().split() == VOC_LISTS['trainaug'][1:]


def test_unlabelled_validation_images(check, voc_root):  # noqa: F811
    """A warning without labels of any kind, an error with tags."""
    cfg = voc_config(voc_root)
    append(voc_root, 'trainaug', VOC_LISTS['val'][0])
    found(check(cfg, code=0), f'also in {VAL}', 'warning')
    tags = voc_root / 'tags.txt'
    tags.write_text('\n'.join([*VOC_LISTS['trainaug'], VOC_LISTS['val'][0]]))
    option = 'train_dataloader.dataset.tag_file=tags.txt'
    result = check(cfg, '--fix-lists', '--cfg-options', option, code=1)
    found(result, f'also in {VAL}')
    kept = (voc_root / 'tags.fixed.txt').read_text().split()
    assert kept == VOC_LISTS['trainaug']
    fixed = [option.replace('tags', 'tags.fixed'),
             f'{UNLABELED}.ann_file={LISTS}/trainaug.fixed.txt']
    assert all(text in result['printed'] for text in fixed)
    check(cfg, '--cfg-options', *fixed, code=0)


def options(printed: str) -> list:
    """The keys that --fix-lists says to set."""
    return printed.split('use them with --cfg-options ')[1].split()


def test_two_parts_of_one_list(check, voc_root):  # noqa: F811
    """A mask that one part misses: the other's list does not replace its."""
    cfg = voc_config(voc_root)
    data = cfg.train_dataloader.dataset
    data.labeled.ann_file = data.unlabeled.ann_file
    (voc_root / f'SegmentationClassAug/{IDS[0]}.png').unlink()
    (voc_root / f'JPEGImages/{IDS[2]}.jpg').write_text('no image')
    append(voc_root, 'trainaug', IDS[3])
    result = check(cfg, '--fix-lists', code=1)
    fixed = f'{LISTS}/trainaug.fixed.txt'
    assert (voc_root / fixed).read_text().split() == [
        name for name in VOC_LISTS['trainaug'] if name not in IDS[::2]]
    assert sorted(options(result['printed'])) == [
        f'{LABELED}.ann_file={fixed}', f'{UNLABELED}.ann_file={fixed}']
    assert '18 lines, 3 dropped, new' in result['printed']
    check(cfg, '--cfg-options', *options(result['printed']), code=0)


def concat(cfg, *changes) -> None:
    """Let training read its labelled part several times, changed."""
    part = cfg.val_dataloader.dataset
    cfg.train_dataloader = dict(batch_size=2, dataset=dict(
        type='ConcatDataset', datasets=[dict(part, **change)
                                        for change in changes]))


def test_two_parts_of_a_concat(check, voc_root):  # noqa: F811
    """Masks of two folders, each with a gap of its own."""
    cfg = voc_config(voc_root)
    folders = 'SegmentationClass', 'SegmentationClassAug'
    concat(cfg, *(dict(ann_file=f'{LISTS}/trainaug.txt', data_prefix=dict(
        img_path='JPEGImages', seg_map_path=folder)) for folder in folders))
    for name, folder in zip(IDS, folders):
        (voc_root / folder / f'{name}.png').unlink()
    result = check(cfg, '--fix-lists', code=1)
    fixed = voc_root / LISTS / 'trainaug.fixed.txt'
    assert fixed.read_text().split() == VOC_LISTS['trainaug'][2:]
    assert len(options(result['printed'])) == 2
    check(cfg, '--cfg-options', *options(result['printed']), code=0)


def test_two_folders_with_one_name_for_their_lists(
        check, voc_root):  # noqa: F811
    """Neither list may replace the other."""
    cfg = voc_config(voc_root)
    for folder, names in dict(one=IDS[:2], two=IDS[2:]).items():
        (voc_root / folder).mkdir()
        (voc_root / f'{folder}/{names[0]}.jpg').write_text('no image')
        shutil.copy(voc_root / f'JPEGImages/{names[1]}.jpg',
                    voc_root / folder)
    classes = DATASETS.build(cfg.val_dataloader.dataset).metainfo['classes']
    concat(cfg, *(dict(
        type='BaseSegDataset', ann_file='', metainfo=dict(classes=classes),
        data_prefix=dict(img_path=folder, seg_map_path='SegmentationClassAug')
    ) for folder in ('one', 'two')))
    key = 'train_dataloader.dataset.datasets'
    assert check(cfg, '--fix-lists')['code'] == (
        f'error: --fix-lists: {key}.0 and {key}.1 have different images, but '
        f'both lists would be {voc_root}/labeled.fixed.txt; nothing was '
        'written: give each an ann_file of its own')
    assert not (voc_root / 'labeled.fixed.txt').exists()
