"""high_data_splits.py: the lists and tags of table 7 on a small tree."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import ROOT, VOC_LISTS, write_scenes, write_voc
from inprocess import tool_main  # noqa: F401  (a fixture)
from mmengine.config import Config
from mmseg.registry import DATASETS

VOC, TRAIN, UNLABELED = ('VOCdevkit/VOC2012/JPEGImages', 'coco/train2017',
                         'coco/unlabeled2017')
# COCO's category ids and names of VOC's 20 classes in their order.
CATEGORIES = {
    5: 'airplane', 2: 'bicycle', 16: 'bird', 9: 'boat', 44: 'bottle', 6: 'bus',
    3: 'car', 17: 'cat', 62: 'chair', 21: 'cow', 67: 'dining table', 18: 'dog',
    19: 'horse', 4: 'motorcycle', 1: 'person', 64: 'potted plant', 20: 'sheep',
    63: 'couch', 7: 'train', 72: 'tv'
}
NAMES = ('aeroplane bicycle bird boat bottle bus car cat chair cow diningtable'
         ' dog horse motorbike person pottedplant sheep sofa train tvmonitor'
         ).split()
OTHERS = {8: 'truck', 90: 'toothbrush'}
# Image -> categories of its instances; that of 34 is a crowd.
SHOWN = {25: [8], 9: [4, 1, 1], 30: [], 34: [1], 36: [72, 90, 63, 64],
         41: [67, 5]}
C_TR = [
    '000000000009 motorbike person', '000000000034 person',
    '000000000036 pottedplant sofa tvmonitor',
    '000000000041 aeroplane diningtable'
]
C_U = ['000000000001', '000000000057']
# Of 20 images in trainaug.txt the last eight; image k shows classes k, k + 1.
V_9K = [f'2007_{k:06d} {NAMES[k]} {NAMES[k + 1]}' for k in range(12, 19)] + [
    '2007_000019 aeroplane tvmonitor']


def instances() -> dict:
    annotations = [
        dict(image_id=image, category_id=category, iscrowd=int(image == 34),
             segmentation=dict(size=[4, 4], counts=[0, 16])
             if image == 34 else [[0, 0, 3, 0, 3, 3]])
        for image, shown in SHOWN.items() for category in shown
    ]
    return dict(
        images=[dict(id=image, height=4, width=4) for image in SHOWN],
        categories=[dict(id=key, name=name)
                    for key, name in {**CATEGORIES, **OTHERS}.items()],
        annotations=[dict(id=k, **a) for k, a in enumerate(annotations)])


def ids(lines: list) -> list:
    return [line.split()[0] for line in lines]


@pytest.fixture()
def data(tmp_path) -> Path:
    root = tmp_path / 'data'
    for folder in ('SegmentationClass', 'SegmentationClassAug'):
        write_voc(root / 'VOCdevkit/VOC2012', {
            **VOC_LISTS, 'pseudoseg/train_aug/labeled': VOC_LISTS['train']
        }, folder=folder)
    write_scenes([f'{image:012d}' for image in SHOWN],
                 str(root / TRAIN / '{}.jpg'), '')
    write_scenes(C_U, str(root / UNLABELED / '{}.jpg'), '')
    (root / 'coco/annotations').mkdir()
    save(root, instances())
    return root


def save(root: Path, content: dict) -> None:
    path = root / 'coco/annotations/instances_train2017.json'
    path.write_text(json.dumps(content))


@pytest.fixture()
def splits(tool_main, data):  # noqa: F811
    def run(*args: object, ok: bool = True) -> str:
        return tool_main('high_data_splits', data, *args, ok=ok)

    return run


def read(data: Path, name: str, part: str = 'unlabeled') -> list:
    path = data / f'splits/pseudoseg/highdata_{name}/{part}.txt'
    return path.read_text().splitlines()


def test_four_lists_and_two_tag_files(splits, data):
    log = splits()
    assert 'C_tr, 6 images of train2017 looked at: 4 images' in log
    assert 'the C_tr of the authors has 91937 images' in log
    assert 'person                2' in log and 'V_9k: 8 images' in log
    assert 'holds 2 images, COCO has 123403' in log
    assert "note: trainaug.txt is not VOC's" in log
    assert log.index('to write:') < log.index('wrote 6 files')
    c_tr, c_u, v_9k = ([f'{folder}/{image}' for image in images]
                       for folder, images in ((TRAIN, ids(C_TR)),
                                              (UNLABELED, C_U),
                                              (VOC, ids(V_9K))))
    assert read(data, 'coco') == c_tr + c_u
    assert read(data, 'coco-aug') == c_tr + c_u + v_9k
    assert read(data, 'coco_tags') == c_tr
    assert read(data, 'coco-aug_tags') == c_tr + v_9k
    assert read(data, 'coco_tags', 'tags') == C_TR
    assert read(data, 'coco-aug_tags', 'tags') == C_TR + V_9K
    assert 'nothing to do' in splits()


@pytest.mark.parametrize('name, size', [
    ('coco', 6), ('coco-aug', 14), ('coco_tags', 4), ('coco-aug_tags', 12)])
def test_the_configs_read_them(splits, data, monkeypatch, name, size):
    splits()
    monkeypatch.chdir(data.parent)
    stem, _, tags = name.partition('_')
    path = f'configs/pseudoseg/highdata_{stem}_x65{tags and "_tags"}.py'
    cfg = Config.fromfile(ROOT / path)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert dataset.source_sizes == dict(labeled=12, unlabeled=size)
    sample = dataset[len(dataset) - 1]
    assert set(sample['inputs']) == {'weak', 'strong'}
    if tags:
        lines = read(data, name, 'tags')
        for line, row in zip(lines, dataset.image_labels, strict=True):
            assert line.split()[1:] == [
                n for n, here in zip(NAMES, row, strict=True) if here]
        shown = sample['data_samples']['weak'].image_labels
        assert shown.tolist() == dataset.image_labels[-1].tolist()


def test_other_lists_are_only_replaced_by_force(splits, data):
    splits()
    path = data / 'splits/pseudoseg/highdata_coco_tags/tags.txt'
    path.write_text('mine\n')
    assert f'{path} holds another list; nothing was written. --force' in \
        splits(ok=False)
    assert path.read_text() == 'mine\n'
    assert 'wrote 1 files' in splits('--force')
    assert read(data, 'coco_tags', 'tags') == C_TR


def lose_mask(data):
    path = data / 'VOCdevkit/VOC2012/SegmentationClassAug/2007_000012.png'
    path.unlink()
    return f'1 of 8 files are missing, the first is {path}'


def lose_list(data):
    path = data / 'VOCdevkit/VOC2012/ImageSets/Segmentation/trainaug.txt'
    path.unlink()
    return f'{path}: no such file'


def lose_unlabeled(data):
    shutil.rmtree(data / UNLABELED)
    return f'{data / UNLABELED}: holds no *.jpg; unpack unlabeled2017.zip in'


def lose_photograph(data):
    path = data / TRAIN / '000000000034.jpg'
    path.unlink()
    return f'1 of 4 files are missing, the first is {path}'


def lose_categories(data):
    content = instances()
    content['categories'] = [
        c for c in content['categories'] if c['name'] not in ('tv', 'couch')]
    content['annotations'] = []
    save(data, content)
    return "has no category for VOC's sofa, tvmonitor; take the file from"


def lose_annotations(data):
    save(data, dict(instances(), annotations=[]))
    return 'no image shows a VOC class'


def lose_instances(data):
    shutil.rmtree(data / 'coco/annotations')
    return 'no such file; unpack annotations_trainval2017.zip in'


@pytest.mark.parametrize('damage', [
    lose_mask, lose_list, lose_unlabeled, lose_photograph, lose_categories,
    lose_annotations, lose_instances])
def test_what_is_wrong_is_named_and_nothing_written(splits, data, damage):
    message = damage(data)
    log = splits(ok=False)
    assert message in log and 'error: ' in log
    assert not (data / 'splits').exists()
