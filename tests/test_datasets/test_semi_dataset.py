"""Two datasets behind one index."""

import gc
import random
import shutil

import numpy as np
import pytest
import torch
from conftest import tiny_dataset, tiny_run
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_pseudoseg.datasets import SeededIndex

LISTS = 'ImageSets/Segmentation'


def path_of(sample, view):
    """Where a view's image comes from."""
    return sample['data_samples'][view].img_path


def equal(one, other):
    """Whether two samples hold the same pixels and maps."""
    return all(
        torch.equal(one['inputs'][v], other['inputs'][v]) and torch.equal(
            one['data_samples'][v].gt_sem_seg.data,
            other['data_samples'][v].gt_sem_seg.data) for v in one['inputs'])


def test_labelled_images_come_first(voc_root):
    dataset = DATASETS.build(tiny_dataset(voc_root))
    assert dataset.source_sizes == dict(labeled=4, unlabeled=20)
    assert len(dataset) == 24
    first, second = dataset[3], dataset[4]
    assert set(first['inputs']) == {'labeled'}
    assert path_of(first, 'labeled').endswith('2007_000003.jpg')
    assert set(second['inputs']) == {'weak', 'strong'}
    assert path_of(second, 'weak').endswith('2007_000000.jpg')
    assert path_of(dataset[23], 'strong').endswith('2007_000019.jpg')


def test_a_child_config_changes_one_path(voc_root, tmp_path):
    base = tmp_path / 'base.py'
    Config(dict(dataset=tiny_dataset(voc_root))).dump(str(base))
    child = tmp_path / 'child.py'
    child.write_text("_base_ = './base.py'\n"
                     'dataset = dict(labeled=dict('
                     f"ann_file='{LISTS}/train.txt'))\n")
    cfg = Config.fromfile(str(child))
    dataset = DATASETS.build(cfg.dataset)
    assert dataset.source_sizes == dict(labeled=12, unlabeled=20)
    assert set(dataset[11]['inputs']) == {'labeled'}
    assert set(dataset[12]['inputs']) == {'weak', 'strong'}


@pytest.mark.parametrize('part', ['labeled', 'unlabeled'])
def test_an_empty_list_names_part_and_file(voc_root, part):
    (voc_root / LISTS / 'none.txt').write_text('')
    cfg = tiny_dataset(voc_root)
    cfg[part]['ann_file'] = f'{LISTS}/none.txt'
    with pytest.raises(ValueError, match=rf'dataset\.{part} .*none\.txt'):
        DATASETS.build(cfg)


@pytest.mark.parametrize('on', [True, False])
def test_the_garbage_collector_rests_while_lists_are_read(
        voc_root, monkeypatch, on):
    seen, read = [], BaseSegDataset.load_data_list

    def watched(part):
        seen.append(gc.isenabled())
        return read(part)

    monkeypatch.setattr(BaseSegDataset, 'load_data_list', watched)
    was_on = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        DATASETS.build(tiny_dataset(voc_root))
        assert seen == [False, False] and gc.isenabled() == on
        (voc_root / LISTS / 'none.txt').write_text('')
        with pytest.raises(ValueError, match='none'):
            DATASETS.build(tiny_dataset(voc_root, 'none'))
        assert gc.isenabled() == on
    finally:
        (gc.enable if was_on else gc.disable)()


def test_tags_follow_their_images(voc_root):
    ids = [f'2007_{i:06d}' for i in range(20)]
    lines = [f'{name} {"cat dog" if i == 7 else ""}'
             for i, name in enumerate(ids)]
    (voc_root / 'tags.txt').write_text('\n'.join(reversed(lines)))
    dataset = DATASETS.build(tiny_dataset(voc_root, tag_file='tags.txt'))
    classes = dataset.metainfo['classes']
    for i in range(20):
        sample = dataset[4 + i]['data_samples']['weak']
        expected = torch.zeros(20)
        if i == 7:
            expected[classes.index('cat') - 1] = 1
            expected[classes.index('dog') - 1] = 1
        assert sample.image_labels.dtype == torch.float32
        assert torch.equal(sample.image_labels, expected)
    assert 'image_labels' not in dataset[0]['data_samples']['labeled']


def test_tag_file_without_an_image_is_refused(voc_root):
    (voc_root / 'tags.txt').write_text('2007_000000 cat\n')
    with pytest.raises(ValueError, match=r'tags\.txt.*2007_000001'):
        DATASETS.build(tiny_dataset(voc_root, tag_file='tags.txt'))


def test_a_seeded_index_always_gives_the_same_sample(voc_root):
    dataset = DATASETS.build(tiny_dataset(voc_root))
    first = dataset[SeededIndex(6, 11)]
    np.random.rand(5)
    random.random()
    dataset[SeededIndex(9, 12)]
    assert equal(first, dataset[SeededIndex(6, 11)])
    assert not equal(first, dataset[SeededIndex(6, 12)])


def test_global_random_states_are_left_alone(voc_root):
    dataset = DATASETS.build(tiny_dataset(voc_root))
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    dataset[SeededIndex(6, 11)]
    shutil.rmtree(voc_root / 'JPEGImages')
    with pytest.raises(FileNotFoundError):
        dataset[SeededIndex(6, 11)]
    after = random.getstate(), np.random.get_state(), torch.get_rng_state()
    assert after[0] == before[0]
    assert all(np.array_equal(a, b) for a, b in zip(after[1], before[1]))
    assert torch.equal(after[2], before[2])


def test_workers_do_not_change_a_batch(voc_root, tmp_path):
    batches = []
    for num_workers, noise in ((0, 1), (2, 2)):
        cfg = tiny_run(voc_root, tmp_path, num_workers=num_workers)
        np.random.seed(noise)  # the surroundings must not matter
        loader = Runner.build_dataloader(cfg['train_dataloader'], seed=5)
        iterator = iter(loader)
        batches.append([next(iterator) for _ in range(3)])
    for one, other in zip(*batches):
        assert set(one['inputs']) == {'labeled', 'weak', 'strong'}
        for view, images in one['inputs'].items():
            assert len(images) == 2
            assert torch.equal(images, other['inputs'][view])


def test_unknown_id_names_the_file(voc_root):
    (voc_root / LISTS / 'wrong.txt').write_text('2007_000000\n1999_000042\n')
    dataset = DATASETS.build(tiny_dataset(voc_root, 'wrong'))
    with pytest.raises(FileNotFoundError, match=r'1999_000042\.jpg'):
        dataset[5]
