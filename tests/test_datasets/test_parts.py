"""Parts made of several data sets, parts that are refused, empty parts."""

import copy
import pickle
import shutil
import warnings

import numpy as np
import pytest
import torch
from conftest import pipelines, tiny_dataset, tiny_run
from mmengine.runner import Runner
from mmseg.registry import DATASETS

from mmseg_pseudoseg.datasets import SeededIndex
from mmseg_pseudoseg.datasets.corrupt_images import DamagedFileError
from mmseg_pseudoseg.datasets.parts import find_leaf, leaf_keys, leaves
from mmseg_pseudoseg.engine.hooks.hidden_masks import with_masks

KEY = 'train_dataloader.dataset'
LISTS = 'ImageSets/Segmentation'


def split(voc_root, part='labeled', number=3):
    """The toy data set with one list cut into several, as a ConcatDataset."""
    cfg = tiny_dataset(voc_root)
    old = cfg[part]
    names = (voc_root / old['ann_file']).read_text().split()
    parts = []
    for k in range(number):
        ann_file = f'{LISTS}/{part}_{k}.txt'
        share = np.array_split(np.array(names), number)[k]
        (voc_root / ann_file).write_text('\n'.join(share) + '\n')
        parts.append(dict(copy.deepcopy(old), ann_file=ann_file))
    cfg[part] = dict(type='ConcatDataset', datasets=parts)
    return cfg


def equal(one, other):
    return all(torch.equal(one['inputs'][view], other['inputs'][view])
               for view in one['inputs'])


@pytest.mark.parametrize('part', ['labeled', 'unlabeled'])
@pytest.mark.parametrize('nested', [False, True])
def test_a_concat_gives_the_samples_of_the_whole(voc_root, part, nested):
    """Sizes, order, seeds, tags and batches, as from one list."""
    whole = DATASETS.build(tiny_dataset(voc_root))
    cfg = split(voc_root, part)
    if nested:
        inner = dict(type='ConcatDataset', datasets=cfg[part]['datasets'][1:])
        cfg[part]['datasets'][1:] = [inner]
    dataset = DATASETS.build(cfg)
    assert dataset.source_sizes == dict(labeled=4, unlabeled=20)
    for position in range(24):
        index = SeededIndex(position, 7)
        assert equal(dataset[index], whole[index])
        assert dataset.get_data_info(position)['img_path'] == \
            whole.get_data_info(position)['img_path']
    assert equal(pickle.loads(pickle.dumps(dataset))[index], whole[index])


def test_each_leaf_has_its_own_pipeline(voc_root):
    cfg = split(voc_root, 'labeled', 2)
    cfg['labeled']['datasets'][1]['pipeline'] = pipelines(crop=17)['labeled']
    dataset = DATASETS.build(cfg)
    shapes = [dataset[SeededIndex(i, 0)]['inputs']['labeled'].shape[-1]
              for i in range(4)]
    assert shapes == [33, 33, 17, 17]


def test_batches_of_a_run_and_of_a_resumed_one(voc_root, tmp_path):
    batches = []
    for dataset in (tiny_dataset(voc_root), split(voc_root)):
        cfg = tiny_run(voc_root, tmp_path)['train_dataloader']
        cfg['dataset'] = dataset
        loader = Runner.build_dataloader(cfg, seed=5)
        iterator = iter(loader)
        batches.append([next(iterator) for _ in range(4)])
        loader.batch_sampler.skip_to(3)
        batches[-1].append(next(iter(loader)))
    for one, other in zip(*batches):
        for view, images in one['inputs'].items():
            assert all(map(torch.equal, images, other['inputs'][view]))
    assert all(map(torch.equal, batches[1][3]['inputs']['weak'],
                   batches[1][4]['inputs']['weak']))


def test_tags_of_two_lists(voc_root):
    cfg = split(voc_root, 'unlabeled', 2)
    ids = [f'2007_{i:06d}' for i in range(20)]
    (voc_root / 'tags.txt').write_text('\n'.join(
        f'{name} {"cat" if i == 17 else ""}' for i, name in enumerate(ids)))
    dataset = DATASETS.build(dict(cfg, tag_file='tags.txt'))
    assert [bool(dataset[4 + i]['data_samples']['weak'].image_labels.any())
            for i in range(20)] == [i == 17 for i in range(20)]


def test_a_damaged_image_of_the_last_leaf(voc_root):
    path = voc_root / 'JPEGImages/2007_000003.jpg'
    path.write_bytes(b'')
    cfg = split(voc_root)
    with pytest.raises(DamagedFileError, match=f'{path}: 0 bytes'):
        DATASETS.build(cfg)[SeededIndex(3, 0)]
    dataset = DATASETS.build(dict(cfg, max_corrupt=1))
    with pytest.warns(UserWarning, match='1 of at most 1'):
        sample = dataset[SeededIndex(3, 0)]
    assert sample['data_samples']['labeled'].img_path != str(path)
    for i in range(3):
        (voc_root / f'JPEGImages/2007_{i:06d}.jpg').write_bytes(b'')
    dataset = DATASETS.build(dict(cfg, max_corrupt=4))
    with pytest.raises(DamagedFileError, match=(
            r'no image of .*labeled_0\.txt.*labeled_2\.txt')), \
            warnings.catch_warnings():
        warnings.simplefilter('ignore')
        dataset[SeededIndex(3, 0)]


def test_hidden_masks_of_a_concat(voc_root):
    """What the monitor reads: another pipeline in every leaf, in a copy."""
    dataset = DATASETS.build(split(voc_root, 'unlabeled'))
    twin = dataset.with_pipelines(with_masks)
    for position in (4, 12, 23):
        index = SeededIndex(position, 3)
        assert torch.equal(twin[index]['inputs']['weak'],
                           dataset[index]['inputs']['weak'])
        assert twin[index]['data_samples']['weak'].gt_sem_seg.data.any()
        assert not dataset[index]['data_samples'][
            'weak'].gt_sem_seg.data.any()


def test_leaves_and_their_keys(voc_root):
    part = DATASETS.build(split(voc_root)['labeled'])
    assert leaf_keys(part, 'a') == [f'a.datasets.{i}' for i in range(3)]
    assert leaf_keys(part.datasets[0], 'a') == ['a']
    assert [find_leaf(part, i) for i in range(4)] == [
        (leaf, i) for leaf in leaves(part) for i in range(len(leaf))]


@pytest.mark.parametrize('part', ['labeled', 'unlabeled'])
@pytest.mark.parametrize('wrapper, remedy', [
    (dict(type='RepeatDataset', times=3), 'goes through each part again'),
    (dict(type='ClassBalancedDataset', oversample_thr=0.1), 'equally often'),
    (dict(type='MultiImageMixDataset', pipeline=[]), 'its own pipeline')])
def test_other_wrappers_are_refused_by_name(voc_root, part, wrapper, remedy):
    cfg = tiny_dataset(voc_root)
    cfg[part] = dict(wrapper, dataset=cfg[part])
    text = rf'{KEY}\.{part}\.type={wrapper["type"]} cannot be .*{remedy}'
    with pytest.raises(ValueError, match=text):
        DATASETS.build(cfg)
    cfg[part] = dict(type='ConcatDataset', datasets=[cfg[part]])
    with pytest.raises(ValueError, match=text.replace(
            f'{part}\\.', f'{part}\\.datasets\\.0\\.')):
        DATASETS.build(cfg)


def test_a_leaf_that_does_not_fit_is_named(voc_root):
    cfg = split(voc_root)
    (voc_root / LISTS / 'labeled_1.txt').write_text('')
    with pytest.raises(ValueError, match=(
            rf'{KEY}\.labeled\.datasets\.1 has no image: .*labeled_1\.txt')):
        DATASETS.build(cfg)
    (voc_root / LISTS / 'labeled_1.txt').write_text('../x\n')
    with pytest.raises(ValueError, match=r'labeled_1\.txt, line 1: .*leads'):
        DATASETS.build(cfg)
    cfg = split(voc_root)
    cfg['labeled']['datasets'][2]['reduce_zero_label'] = True
    with pytest.raises(ValueError, match=(
            rf'{KEY}\.labeled: .*different metainfo; .*reduce_zero')):
        DATASETS.build(cfg)
    with pytest.raises(ValueError, match=r'labeled\.datasets is empty'):
        DATASETS.build(dict(cfg, labeled=dict(type='ConcatDataset',
                                              datasets=[])))


@pytest.mark.parametrize('part', ['labeled', 'unlabeled'])
def test_voc_without_data_names_folder_and_page(voc_root, part):
    cfg = tiny_dataset(voc_root)
    cfg[part]['data_root'] = str(voc_root / 'nowhere')
    with pytest.raises(ValueError) as error:
        DATASETS.build(cfg)
    text = str(error.value)
    assert text.startswith(f'{KEY}.{part}: the data set cannot be read')
    assert f'{voc_root}/nowhere' in text and 'docs/data.md' in text
    cfg = tiny_dataset(voc_root)
    shutil.rmtree(voc_root / 'JPEGImages')
    with pytest.raises(ValueError, match='JPEGImages: no such file or folder'):
        DATASETS.build(cfg)


def test_a_folder_of_another_suffix_is_not_called_empty(voc_root):
    cfg = tiny_dataset(voc_root)
    part = cfg['unlabeled']
    part.update(type='BaseSegDataset', ann_file='', img_suffix='.jpeg',
                metainfo=DATASETS.get('PascalVOCDataset').METAINFO)
    key = rf'{KEY}\.unlabeled'
    with pytest.raises(ValueError, match=(
            rf"{key} has no image: no file in .*JPEGImages ends with '.jpeg' "
            rf"\(there are 24 .jpg\); set {key}.img_suffix='.jpg'")):
        DATASETS.build(cfg)
    part['data_prefix']['img_path'] = 'none'
    (voc_root / 'none').mkdir()
    with pytest.raises(ValueError, match='none is empty; correct'):
        DATASETS.build(cfg)
    part['data_prefix']['img_path'] = 'nowhere'
    with pytest.raises(ValueError, match='nowhere: no such file or folder'):
        DATASETS.build(cfg)
