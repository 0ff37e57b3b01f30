"""check_data.py: the same pictures twice, in one list or in two."""

import shutil

from benching import tools_path  # noqa: F401  (a fixture)
from conftest import VOC_LISTS
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
