"""Names of predictions, and images without masks."""

import numpy as np
import pytest
from conftest import write_scenes
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_pseudoseg.datasets.image_names import output_name, output_names
from mmseg_pseudoseg.datasets.without_masks import predict_only, without_masks

META = dict(classes=('background', 'cat'), palette=[[0] * 3, [9] * 3])
PIPELINE = [dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=(32, 32), keep_ratio=True),
            dict(type='LoadAnnotations'), dict(type='PackSegInputs')]


def part(root, img='img', **changes):
    return dict(dict(
        type='BaseSegDataset', data_root=str(root), metainfo=META,
        data_prefix=dict(img_path=img, seg_map_path='seg'),
        pipeline=list(PIPELINE)), **changes)


@pytest.fixture()
def root(tmp_path):
    write_scenes(['camA/1', 'camB/1', 'two.dots'],
                 str(tmp_path / 'img/{}.jpg'), str(tmp_path / 'seg/{}.png'),
                 2, 24)
    return tmp_path


@pytest.mark.parametrize('image, folder, name', [
    ('data/img/camA/1.jpg', 'data/img', 'camA/1'),
    ('data/img/camA/1.jpg', 'data/img/', 'camA/1'),
    ('data/img/a.b.jpg', 'data/img', 'a.b'),
    ('img/1.jpg', '', 'img/1'),
    ('/abs/img/1.jpg', '/abs/img', '1'),
    ('/else/1.jpg', '/abs/img', 'else/1'),
    ('data/img/../other/1.jpg', 'data/img', 'other/1'),
    ('s3://bucket/img/1.jpg', 's3://bucket/img', '1'),
])
def test_a_name_stays_in_its_folder(image, folder, name):
    assert output_name(image, folder) == name


def test_sub_folders_are_kept(root):
    dataset = DATASETS.build(part(root))
    assert sorted(output_names(dataset).values()) == [
        'camA/1', 'camB/1', 'two.dots']


def test_two_images_of_one_name_are_refused(root):
    """In one folder, or in two that are tested together."""
    both = dict(type='ConcatDataset', datasets=[part(root, 'img/camA'),
                                                part(root, 'img/camB')])
    with pytest.raises(ValueError, match=r'camA/1\.jpg and .*camB/1\.jpg .* '
                       'written as 1: rename one'):
        output_names(DATASETS.build(both))
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(root / 'img/t.jpg')
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(root / 'img/t.jpg.jpg')
    assert len(output_names(DATASETS.build(part(root)))) == 5


def config(data, **changes):
    return Config(dict(
        test_dataloader=dict(dataset=data), tta_pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='TestTimeAug', transforms=[
                [dict(type='RandomFlip', prob=1.)],
                [dict(type='LoadAnnotations')], [dict(type='PackSegInputs')]])
        ], test_evaluator=dict(type='IoUMetric'), **changes))


def kinds(steps):
    return [step['type'] for step in steps]


def test_masks_that_are_there_change_nothing(root):
    cfg = config(part(root))
    before = cfg.to_dict()
    assert predict_only(cfg, writes=True) is False
    assert cfg.to_dict() == before


@pytest.mark.parametrize('wrapped', [False, True])
@pytest.mark.parametrize('prefix', [dict(img_path='img', seg_map_path='no'),
                                    dict(img_path='img')])
def test_no_mask_at_all_is_predicted(root, wrapped, prefix):
    """The folder of the masks may be named or not."""
    data = part(root, data_prefix=prefix)
    cfg = config(dict(type='ConcatDataset', datasets=[data])
                 if wrapped else data)
    with pytest.raises(ValueError, match='none of the 3 images .*--out DIR'):
        predict_only(cfg, writes=False)
    assert predict_only(cfg, writes=True) is True
    data = cfg.test_dataloader.dataset
    steps = (data.datasets[0] if wrapped else data).pipeline
    assert kinds(steps) == ['LoadImageFromFile', 'Resize', 'PackSegInputs']
    lists = cfg.tta_pipeline[1]['transforms']
    assert [kinds(one) for one in lists] == [['RandomFlip'],
                                             ['PackSegInputs']]
    assert cfg.test_evaluator == []
    assert len(DATASETS.build(data)[0]['inputs']) == 3


def test_cityscapes_writes_without_masks(root):
    cfg = config(part(root, data_prefix=dict(img_path='img')))
    metric = dict(type='mmseg.CityscapesMetric', output_dir='x')
    cfg.test_evaluator = [dict(type='IoUMetric'), metric]
    predict_only(cfg, writes=True)
    assert cfg.test_evaluator == [metric]


def test_some_masks_are_an_error(root):
    (root / 'seg/camB/1.png').unlink()
    with pytest.raises(ValueError, match=(
            r'1 of the 3 images .* no mask \(.*seg/camB/1\.png\).* --out')):
        predict_only(config(part(root)), writes=True)


def test_no_image_is_an_error(root):
    with pytest.raises(ValueError, match='has no image.*img_suffix'):
        predict_only(config(part(root, img_suffix='.tif')), writes=True)


def test_no_data_set_is_an_error():
    with pytest.raises(ValueError, match='no test_dataloader'):
        predict_only(Config(dict(model=dict())), writes=True)


def test_a_pipeline_without_masks_is_the_users(root):
    """As older pages told: LoadAnnotations left out, format_only."""
    data = part(root, data_prefix=dict(img_path='img'),
                pipeline=without_masks(PIPELINE))
    cfg = config(data)
    cfg.test_evaluator.format_only = True
    assert predict_only(cfg, writes=True) is False
    assert cfg.test_evaluator == [] and len(
        cfg.test_dataloader.dataset.pipeline) == 3
