"""browse_dataset.py shows what a training run gets, pixel by pixel."""

import sys

import numpy as np
import pytest
from conftest import VOC_LISTS, write_voc
from inprocess import tool_main  # noqa: F401  (a fixture)
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmengine.utils import import_modules_from_strings
from PIL import Image
from tiny import CROP, ROOT, TOOLS, shrink, tiny_config

from mmseg_pseudoseg.datasets.collate import packed_images

CLASSES = ('background', 'aeroplane', 'bicycle', 'bird', 'boat', 'bottle',
           'bus', 'car', 'cat', 'chair', 'cow', 'diningtable', 'dog', 'horse',
           'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train',
           'tvmonitor')
VOC = [(0, 0, 0), (128, 0, 0), (0, 128, 0)]  # first colours of its palette


@pytest.fixture()
def module(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.syspath_prepend(str(TOOLS / 'analysis_tools'))
    monkeypatch.setattr(sys, 'path', list(sys.path))
    return import_modules_from_strings('browse_dataset')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Three shipped configs made small: semi, supervised, self-training."""
    path = tmp_path_factory.mktemp('browse')
    root = path / 'VOC2012'
    write_voc(root, VOC_LISTS)
    for name in ('SegmentationClassAug', 'pseudo_labels/sup_voc_1_16_x65'):
        write_voc(root, VOC_LISTS, folder=name)
    tiny_config('pseudoseg/voc_1_8_tags.py', root, path / 'semi.py')
    tiny_config('supervised/sup_voc_1_8.py', root, path / 'sup.py')
    cfg = Config.fromfile(ROOT / 'configs/self_training/st_voc_1_8_x65.py')
    shrink(cfg._cfg_dict)
    cfg.model = Config.fromfile(path / 'sup.py').model
    cfg.train_dataloader.batch_size = 4
    parts = cfg.train_dataloader.dataset
    for part in (parts.labeled, parts.unlabeled, cfg.val_dataloader.dataset,
                 cfg.test_dataloader.dataset):
        part.data_root = str(root)
    parts.unlabeled.data_prefix.seg_map_path = 'SegmentationClass'
    cfg.dump(path / 'student.py')
    return path


class Stop(Exception):
    """The run has shown its first batch."""


class Keep(Hook):
    """Take what the network would get."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        raise Stop(data_batch)


def trained_on(cfg, work_dir):
    """The first batch of a real training run."""
    cfg = cfg.copy()
    cfg.work_dir, cfg.experiment_name = str(work_dir), work_dir.name
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    runner = Runner.from_cfg(cfg)
    runner.register_hook(Keep())
    with pytest.raises(Stop) as stop:
        runner.train()
    return stop.value.args[0]


def padded(image):
    """(3, h, w) BGR -> (65, 65, 3) RGB, black at the right and the bottom."""
    result = np.zeros((CROP, CROP, 3), np.uint8)
    pixels = image.numpy()[::-1].transpose(1, 2, 0)
    result[:pixels.shape[0], :pixels.shape[1]] = pixels
    return result


def expected(batch):
    """Source, path, view, image and map, for each image of a batch."""
    if isinstance(batch['inputs'], dict):
        for view in batch['inputs']:
            source = 'labeled' if view == 'labeled' else 'unlabeled'
            images = packed_images(batch, view)
            for k, (image, one) in enumerate(zip(
                    images, batch['data_samples'][view])):
                mask = batch['maps'][view]['gt_sem_seg'][k]
                one.gt_sem_seg = PixelData(
                    data=mask[:, :image.shape[1], :image.shape[2]])
                tags = batch['tensors'][view].get('image_labels')
                if tags is not None:
                    one.set_data(dict(image_labels=tags[k]))
                yield source, view, image, one
        return
    flat = list(zip(batch['inputs'], batch['data_samples']))
    for k, (image, one) in enumerate(flat):
        # Self-training: half of the four are labelled.
        source = 'unlabeled' if len(flat) == 4 and k > 1 else 'labeled'
        yield source, source, image, one


@pytest.mark.parametrize('name, workers', [
    ('semi', 0), ('student', 0), ('sup', 0), ('sup', 1)])
def test_the_first_batch_of_a_training_run(module, folder, tmp_path, name,
                                           workers):
    cfg = Config.fromfile(folder / f'{name}.py')
    cfg.train_dataloader.num_workers = workers
    loader, padding = module.build(cfg)
    samples = next(module.batches(loader, padding))
    found = [(one, view) for one in samples for view in one.views]
    # A batch has all views of a name together.
    order = ['labeled', 'unlabeled', 'weak', 'strong']
    found.sort(key=lambda pair: order.index(pair[1]))
    batch = sorted(expected(trained_on(cfg, tmp_path)),
                   key=lambda one: order.index(one[1]))
    assert len(batch) == len(found) == dict(semi=6, student=4, sup=2)[name]
    pads = 0
    for (sample, view), (source, title, image, one) in zip(found, batch):
        pixels, labels = sample.views[view]
        assert (sample.source, view, sample.path) == (source, title,
                                                      one.img_path)
        assert pixels.dtype == np.uint8
        assert np.array_equal(pixels, padded(image))
        height, width = sample.shape
        assert sample.shape == tuple(image.shape[1:])
        truth = one.gt_sem_seg.data[0].numpy()
        assert np.array_equal(labels[:height, :width], truth)
        kinds = module.validity(sample, view)
        assert (kinds[height:] == module.PADDING).all()
        assert (kinds[:, width:] == module.PADDING).all()
        invalid = module.CUT_OUT if view == 'strong' else module.IGNORED
        assert np.array_equal(kinds[:height, :width] == invalid, truth == 255)
        pads += int((kinds == module.PADDING).any())
        tags = one.get('image_labels')
        assert sample.tags == (None if tags is None else [
            CLASSES[k + 1] for k in range(20) if tags[k] == 1])
        assert (tags is None) == (name != 'semi' or source == 'labeled')
    assert pads


def test_what_counts_and_what_is_drawn(module):
    """A 4 x 5 image with a padded column, a void and a box."""
    weak = np.zeros((4, 5), int)
    weak[:, 4], weak[0, 0] = 255, 255
    strong = weak.copy()
    strong[2:, 1:3] = 255
    image = np.full((4, 5, 3), 100, np.uint8)
    sample = module.Sample('unlabeled', 'x/one.jpg', [], (4, 4), dict(
        weak=(image, weak), strong=(image, strong)))
    kinds = module.validity(sample, 'strong')
    assert kinds.tolist() == [[2, 0, 0, 0, 1], [0, 0, 0, 0, 1],
                              [0, 3, 3, 0, 1], [0, 3, 3, 0, 1]]
    assert module.validity(sample, 'weak').tolist() == [
        [2, 0, 0, 0, 1], *[[0, 0, 0, 0, 1]] * 3]
    meta = dict(classes=CLASSES[:3], palette=VOC)
    shown = module.panels(sample, meta)
    assert list(shown) == ['weak', 'strong', 'weak: what counts',
                           'strong: what counts']
    seen = shown['strong: what counts']
    assert len(np.unique(seen.reshape(-1, 3), axis=0)) == 4
    assert seen[2, 1].tolist() == [220, 0, 160]
    assert module.describe(sample) == ('unlabeled one, tags: none of the '
                                       'classes')
    # Padding that a wrong seg_pad_val lets count is not called padding.
    labels = np.zeros((4, 5), int)
    labels[1, 1], labels[0, 0] = 2, 255
    sample = module.Sample('labeled', 'x/two.jpg', None, (4, 4),
                           dict(labeled=(image, labels)))
    assert module.validity(sample, 'labeled')[:, 4].tolist() == [0] * 4
    mask = module.panels(sample, meta)['mask']
    assert mask[2, 2].tolist() == [40, 40, 40]  # 0.4 of the image
    assert mask[1, 1].tolist() == [40, 117, 40]  # 0.6 of class 2's green
    assert mask[0, 0].tolist() == [193] * 3  # 0.6 of white
    figure = module.draw(sample, meta)
    assert [axis.get_title() for axis in figure.axes] == [
        'labeled', 'mask', 'labeled: what counts']
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ['background', 'bicycle', 'counts', 'padding', 'ignored',
                     'cut out']


def test_files(module, folder, tool_main, tmp_path,  # noqa: F811
               monkeypatch):
    """Four of each by default; the same ones again, others of seed 1."""
    monkeypatch.chdir(tmp_path)
    config = folder / 'semi.py'
    log = tool_main('browse_dataset', config)
    files = sorted((tmp_path / 'work_dirs/browse/semi').iterdir())
    assert [path.name[:-len('2007_000000.jpg')] for path in files] == [
        f'{source}_{k:03d}_' for source in ('labeled', 'unlabeled')
        for k in range(4)]
    lines = [line for line in log.splitlines() if line.startswith('work_dirs')]
    assert sorted(line.split(':')[0] for line in lines) == [
        str(path.relative_to(tmp_path)) for path in files]
    assert sum('tags: ' in line for line in lines) == 4
    with Image.open(files[-1]) as picture:
        assert picture.format == 'JPEG' and picture.width > 4 * CROP
    for out, options in (('again', []), ('other', [
            '--cfg-options', 'randomness.seed=1'])):
        tool_main('browse_dataset', config, '--out', out, '--number', 1,
                  *options)
        found = sorted((tmp_path / out).iterdir())
        assert len(found) == 2
        same = [path.read_bytes() == files[4 * k].read_bytes()
                for k, path in enumerate(found)]
        assert same == [out == 'again'] * 2


@pytest.mark.parametrize('name, change, words', [
    ('semi', 'train_dataloader=None', 'no train_dataloader'),
    ('semi', 'randomness.seed=None', 'randomness.seed=0'),
    ('sup', 'train_dataloader.dataset.data_root=nowhere',
     'labeled.txt; point at the data'),
    ('sup', 'float', 'model.data_preprocessor'),
])
def test_errors(module, folder, tool_main, tmp_path,  # noqa: F811
                name, change, words):
    config = folder / f'{name}.py'
    if change == 'float':
        cfg = Config.fromfile(config)
        cfg.train_dataloader.dataset.pipeline.insert(-1, dict(
            type='Normalize', mean=[0, 0, 0], std=[1, 1, 1], to_rgb=False))
        config, change = tmp_path / 'float.py', 'randomness.seed=0'
        cfg.dump(config)
    log = tool_main('browse_dataset', config, '--out', tmp_path / 'out',
                    '--cfg-options', change, ok=False)
    assert words in log and str(config) in log
    assert not (tmp_path / 'out').exists()


def test_number_is_positive(module, folder, tool_main):  # noqa: F811
    assert '--number' in tool_main('browse_dataset', folder / 'sup.py',
                                   '--number', 0, ok=False)
