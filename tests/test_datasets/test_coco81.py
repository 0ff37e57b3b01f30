"""COCO81Dataset: its classes are those that coco_masks.py draws."""

import sys

import numpy as np
from conftest import ROOT, write_scenes
from mmseg.datasets import PascalVOCDataset
from mmseg.registry import DATASETS

from mmseg_pseudoseg.datasets import COCO81Dataset

sys.path.insert(0, str(ROOT / 'tools' / 'dataset_converters'))
from coco_rules import LABELS  # noqa: E402


def test_classes_follow_the_category_ids():
    classes = COCO81Dataset.METAINFO['classes']
    assert len(set(classes)) == 81 and classes[0] == 'background'
    known = {1: 'person', 11: 'fire hydrant', 13: 'stop sign', 25: 'giraffe',
             27: 'backpack', 44: 'bottle', 67: 'dining table', 70: 'toilet',
             72: 'tv', 84: 'book', 90: 'toothbrush'}
    assert {key: classes[LABELS[key]] for key in known} == known


def test_colours_continue_those_of_voc():
    palette = COCO81Dataset.METAINFO['palette']
    assert palette[:21] == PascalVOCDataset.METAINFO['palette']
    assert len({tuple(colour) for colour in palette}) == 81


def test_labels_are_read_as_they_are(tmp_path):
    write_scenes([f'{k:012d}' for k in range(78, 80)],
                 str(tmp_path / 'val2017/{}.jpg'),
                 str(tmp_path / 'masks81/val2017/{}.png'), num_classes=81)
    dataset = DATASETS.build(
        dict(type='COCO81Dataset', data_root=str(tmp_path),
             data_prefix=dict(img_path='val2017',
                              seg_map_path='masks81/val2017'),
             pipeline=[dict(type='LoadAnnotations')]))
    assert len(dataset) == 2
    assert np.unique(dataset[1]['gt_seg_map']).tolist() == [0, 2, 3, 255]
