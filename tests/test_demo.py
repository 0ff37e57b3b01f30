"""The demo, shortened, and the data and weights that it makes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from mmengine.config import Config
from PIL import Image

DEMO = ROOT / 'tools' / 'demo'


@pytest.fixture()
def demo_modules(monkeypatch):
    """The demo's own modules."""
    pytest.importorskip('timm', reason='needs the extra `demo`')
    monkeypatch.syspath_prepend(str(DEMO))
    import make_data
    import weights
    return make_data, weights


def files(root: Path) -> dict:
    """Content of every file below ``root``."""
    return {p.relative_to(root): p.read_bytes()
            for p in root.rglob('*') if p.is_file()}


def test_same_seed_same_files(demo_modules, tmp_path):
    make_data = demo_modules[0].make_data
    counts = dict(labeled=2, unlabeled=3, val=2)
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        make_data(tmp_path / name, counts, seed)
    assert files(tmp_path / 'a') == files(tmp_path / 'b')
    assert files(tmp_path / 'a') != files(tmp_path / 'c')


def test_tags_masks_and_lists(demo_modules, tmp_path):
    module = demo_modules[0]
    module.make_data(tmp_path, dict(labeled=4, unlabeled=3, val=2))
    masks = {p.stem for p in (tmp_path / 'SegmentationClass').iterdir()}
    assert not any(name.startswith('unlabeled') for name in masks)
    assert len(masks) == 6
    for path in (tmp_path / 'SegmentationClass').iterdir():
        assert np.array(Image.open(path)).max() < len(module.CLASSES)
    tags = (tmp_path / 'ImageSets' / 'tags.txt').read_text().split('\n')[:-1]
    assert [line.split()[0] for line in tags] == [
        f'unlabeled_{i:04d}' for i in range(3)]
    assert set(w for line in tags for w in line.split()[1:]) <= set(
        module.CLASSES[1:])


def test_no_digit_is_in_two_lists(demo_modules):
    shares = sorted(demo_modules[0].DIGIT_SHARE.values())
    assert shares[0][0] == 0 and shares[-1][1] == 1
    for one, other in zip(shares, shares[1:]):
        assert one[1] == other[0]


def test_weights_fit_timm_and_see(demo_modules):
    """All keys match, and the network knows a flower when it sees one."""
    import cv2
    import timm
    import torch
    from sklearn.datasets import load_sample_image
    model = timm.create_model('tf_efficientnet_lite0')
    model.load_state_dict(demo_modules[1].convert(), strict=True)
    img = cv2.resize(load_sample_image('flower.jpg'), (224, 224))
    img = torch.from_numpy((img.astype(np.float32) - 127) / 128)
    with torch.no_grad():
        scores = model.eval()(img.permute(2, 0, 1)[None])
    assert scores.argmax() == 985  # daisy


def test_unknown_weight(demo_modules):
    with pytest.raises(KeyError, match='unknown weight'):
        demo_modules[1].rename('head.weight')


def test_classes_agree_with_the_config(demo_modules):
    cfg = Config.fromfile(ROOT / 'configs' / 'demo' / 'sup_digits.py')
    assert cfg.classes == demo_modules[0].CLASSES
    assert cfg.palette == demo_modules[0].PALETTE


def test_demo_runs(tmp_path):
    """Two iterations of each method: a table of three rows and a picture."""
    done = subprocess.run(
        [sys.executable, str(DEMO / 'run_demo.py'), '--iters', '2',
         '--seeds', '3', '--scenes', '4', '6', '4', '--data',
         str(tmp_path / 'data'), '--work-dir', str(tmp_path / 'work')],
        cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    table = (tmp_path / 'work' / 'table.txt').read_text()
    assert table in done.stdout
    for row in ('supervised', 'PseudoSeg', 'PseudoSeg with tags', 'seed 3'):
        assert f'| {row} ' in table or row == 'seed 3' and row in table
    assert 'iteration 2/2' in done.stdout
    with Image.open(tmp_path / 'work' / 'demo.png') as picture:
        assert picture.width > 800 and picture.height > 400
        assert len(picture.convert('RGB').getcolors(1 << 20)) > 1000
