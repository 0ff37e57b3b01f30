"""confusion_matrix.py and compare_predictions.py on a small network."""

import csv
import sys

import mmcv
import numpy as np
import pytest
import torch
from conftest import VOC_LISTS, write_voc
from inprocess import tool_main  # noqa: F401  (a fixture)
from mmengine.config import Config
from mmengine.utils import import_modules_from_strings
from mmseg.apis import inference_model, init_model
from PIL import Image
from tiny import TOOLS, tiny_config

NAMES = VOC_LISTS['val']


@pytest.fixture()
def paths(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.syspath_prepend(str(TOOLS / 'analysis_tools'))
    monkeypatch.setattr(sys, 'path', list(sys.path))


@pytest.fixture(scope='module')
def networks(tmp_path_factory):
    """Two configs, a checkpoint of clear opinions for each; the data."""
    folder = tmp_path_factory.mktemp('predictions')
    root = folder / 'VOC2012'
    write_voc(root, VOC_LISTS)
    pairs = []
    for seed, name in enumerate(('supervised/sup_voc_1_8.py',
                                 'pseudoseg/voc_1_8.py')):
        config = tiny_config(name, root, folder / name.split('/')[1])
        torch.manual_seed(seed)
        model = init_model(str(config), device='cpu')
        model.decode_head.conv_seg.weight.data.normal_(std=30)
        checkpoint = config.with_suffix('.pth')
        torch.save(dict(state_dict=model.state_dict(), meta={}), checkpoint)
        pairs.append((config, checkpoint))
    return pairs, root


def predictions(config, checkpoint, root):
    """Class ids of every validation image, by stock inference."""
    model = init_model(str(config), str(checkpoint), 'cpu')
    return [inference_model(
        model, str(root / f'JPEGImages/{name}.jpg')).pred_sem_seg.data[0]
        .numpy() for name in NAMES]


def masks(root):
    return [np.asarray(Image.open(root / f'SegmentationClass/{name}.png'))
            for name in NAMES]


def test_confusion_matrix(paths, networks, tool_main,  # noqa: F811
                          tmp_path, monkeypatch):
    """Of all validation images, against a loop; beside the checkpoint too."""
    monkeypatch.chdir(tmp_path)
    (config, checkpoint), root = networks[0][0], networks[1]
    expected = np.zeros((21, 21), int)
    for truth, found in zip(masks(root),
                            predictions(config, checkpoint, root)):
        kept = truth != 255
        np.add.at(expected, (truth[kept], found[kept]), 1)
    assert (expected.sum(0) > 0).sum() > 2
    for out in ('new', None):
        log = tool_main('confusion_matrix', config, checkpoint,
                        *(['--out', out] if out else []))
        folder = tmp_path / out if out else checkpoint.parent
        with open(folder / 'confusion_matrix.csv', newline='') as file:
            head, *rows = csv.reader(file)
        assert head[1:3] == ['background', 'aeroplane']
        assert np.array_equal([row[1:] for row in rows],
                              expected.astype(str))
        assert 'IoU.aeroplane' in log
        assert (folder / 'confusion_matrix.png').is_file()
    work_dir = tmp_path / 'work_dirs' / config.stem
    assert [path.name for path in work_dir.iterdir()] == ['confusion_matrix']
    assert (work_dir / 'confusion_matrix' / config.name).is_file()


def test_rows_of_the_comparison(paths, networks):
    """Photograph, mask, and what each network says by stock inference."""
    module = import_modules_from_strings('compare_predictions')
    pairs, root = networks
    loaded = [module.load(*map(str, pair)) for pair in pairs]
    said = [predictions(*pair, root) for pair in pairs]
    assert not np.array_equal(said[0], said[1])
    for i, name in enumerate(NAMES[:2]):
        image, mask, *found = module.row(loaded, i)
        assert np.array_equal(image, mmcv.imread(
            root / f'JPEGImages/{name}.jpg')[..., ::-1])
        assert np.array_equal(mask, masks(root)[i])
        assert all(np.array_equal(one, other[i])
                   for one, other in zip(found, said, strict=True))


def test_colours_of_the_comparison(paths):
    module = import_modules_from_strings('compare_predictions')
    labels = np.array([[0, 1], [255, 0]], np.uint8)
    meta = dict(classes=['background', 'cat', 'cow'],
                palette=[[0, 0, 0], [10, 200, 30], [9, 9, 9]])
    figure = module.draw(
        [[np.full((2, 2, 3), 7, np.uint8), labels, 0 * labels]], ['a'], meta)
    assert [panel.get_title() for panel in figure.axes] == [
        'image', 'mask', 'a']
    drawn = [panel.images[0].get_array() for panel in figure.axes]
    assert drawn[0].tolist() == [[[7] * 3] * 2] * 2
    assert drawn[1].tolist() == [[[0] * 3, [10, 200, 30]],
                                 [[255] * 3, [0] * 3]]
    assert not drawn[2].any()
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ['background', 'cat']


def test_picture_of_the_comparison(paths, networks, tool_main,  # noqa: F811
                                   tmp_path):
    """First and last of four images; more than there are: all of them."""
    pair = networks[0][0]
    sizes = {}
    for number, kind in ((2, 'png'), (9, 'jpg')):
        out = tmp_path / 'new' / f'{number}.{kind}'
        log = tool_main('compare_predictions', *pair, '--out', out,
                        '--number', number)
        shown = [NAMES[0], NAMES[3]] if number == 2 else NAMES
        assert log.splitlines()[-1] == f'{out}: {", ".join(shown)}'
        with Image.open(out) as picture:
            assert picture.format == dict(png='PNG', jpg='JPEG')[kind]
            sizes[number] = picture.size
    assert sizes[9][0] == sizes[2][0] and sizes[9][1] > 1.5 * sizes[2][1]


@pytest.mark.parametrize('change, words', [
    (lambda cfg: cfg.test_dataloader.dataset.update(
        ann_file='ImageSets/Segmentation/train.txt'), 'images'),
    (lambda cfg: cfg.test_dataloader.dataset.update(
        metainfo=dict(classes=('background', 'cat'))), 'classes'),
])
def test_other_data(paths, networks, tool_main, tmp_path,  # noqa: F811
                    change, words):
    (config, checkpoint), second = networks[0]
    cfg = Config.fromfile(second[0])
    change(cfg)
    cfg.dump(tmp_path / 'other.py')
    log = tool_main('compare_predictions', config, checkpoint,
                    tmp_path / 'other.py', second[1], '--out',
                    tmp_path / 'x.png', ok=False)
    assert f'other.py: the {words} of test_dataloader' in log
    assert not (tmp_path / 'x.png').exists()


@pytest.mark.parametrize('tool, args, words', [
    ('confusion_matrix', ['{config}', 'no.pth'], 'no.pth: no such file'),
    ('compare_predictions', ['{config}', 'no.pth', '--out', 'x.png'],
     'no.pth: no such file'),
    ('compare_predictions', ['{config}', '--out', 'x.png'], 'checkpoint'),
    ('compare_predictions', ['{config}', 'no.pth', '--out', 'x.png',
                             '--number', '0'], '--number'),
])
def test_bad_input(paths, networks, tool_main, tool, args,  # noqa: F811
                   words):
    config = networks[0][0][0]
    log = tool_main(tool, *(arg.format(config=config) for arg in args),
                    ok=False)
    assert words in log
