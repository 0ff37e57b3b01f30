"""The visualizer of the shipped configs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmengine.visualization import Visualizer
from mmseg.registry import VISUALIZERS
from mmseg.structures import SegDataSample
from mmseg.visualization import SegLocalVisualizer

from mmseg_pseudoseg.visualization import LazySegLocalVisualizer

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = 'configs/small/pseudoseg_animals_1_16.py'
START = f'''
import sys
sys.path.insert(0, 'tools')
sys.argv = ['train.py', '{SHIPPED}', '--work-dir', sys.argv[1],
            '--cfg-options', 'model.backbone.init_cfg=None']
import train
from mmengine.runner import Runner

runner = Runner.from_cfg(train.load_config(train.parse_args()))
seen = ['matplotlib' in sys.modules]
import numpy
runner.visualizer.set_image(numpy.zeros((8, 8, 3), 'uint8'))
seen.append('matplotlib' in sys.modules)
print(type(runner.visualizer).__name__, *seen)
'''


@pytest.fixture(autouse=True)
def no_other_instance(monkeypatch):
    for named in (SegLocalVisualizer, Visualizer):
        monkeypatch.setattr(named, '_instance_dict', {})
    monkeypatch.setattr(LazySegLocalVisualizer, '_instance_dict',
                        SegLocalVisualizer._instance_dict)


def test_a_start_imports_no_matplotlib(tmp_path):
    result = subprocess.run(
        [sys.executable, '-c', START, str(tmp_path)], capture_output=True,
        text=True, cwd=ROOT)
    assert result.stdout.split()[-3:] == [
        'LazySegLocalVisualizer', 'False', 'True'], result.stderr


def draw(visualizer, size):
    """Mask, prediction and stock shapes on one image."""
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    sample = SegDataSample()
    for key in ('gt_sem_seg', 'pred_sem_seg'):
        data = torch.from_numpy(rng.integers(0, 3, (1, *size)))
        sample.set_data({key: PixelData(data=data)})
    visualizer.set_dataset_meta(('background', 'cat', 'dog'),
                                [[0, 0, 0], [128, 0, 0], [0, 128, 0]])
    visualizer.add_datasample('name', image, sample)
    pictures = [visualizer.get_image()]
    visualizer.draw_bboxes(torch.tensor([2., 3., 20., 15.]))
    return [*pictures, visualizer.get_image()]


def test_pictures_are_those_of_the_stock_visualizer():
    stock, lazy = SegLocalVisualizer('a'), LazySegLocalVisualizer('b')
    for size in ((40, 60), (33, 21)):  # the figure is made once
        for expected, found in zip(draw(stock, size), draw(lazy, size)):
            assert expected.shape == (*size, 3)
            assert expected.std() > 0
            np.testing.assert_array_equal(found, expected)


def test_an_image_may_be_given_at_once():
    image = np.full((9, 12, 3), 7, np.uint8)
    np.testing.assert_array_equal(
        LazySegLocalVisualizer('c', image).get_image(), image)


def test_hooks_find_it_by_either_stock_class(tmp_path):
    init_default_scope('mmseg')
    cfg = Config.fromfile(str(ROOT / SHIPPED)).visualizer
    built = VISUALIZERS.build(dict(cfg, save_dir=str(tmp_path)))
    assert isinstance(built, LazySegLocalVisualizer)
    assert Visualizer.get_current_instance() is built
    assert SegLocalVisualizer.get_current_instance() is built
