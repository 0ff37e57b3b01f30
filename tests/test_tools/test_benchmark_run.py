"""benchmark_run.py: the data it makes, and the starts that it counts."""

import gc
import sys

import cv2
import pytest
import torch
from benching import tools_path  # noqa: F401  (a fixture)
from inprocess import tool_main  # noqa: F401  (a fixture)
from mmengine.config import Config
from mmengine.config import config as laying_out
from running import (  # noqa: F401  (fixtures among them)
    LEAF,
    NAME,
    bench,
    config,
    forget_runs,
    here,
    module,
)
from tiny import ROOT
from yapf.yapflib import yapf_api

SEGMENTATION = 'ImageSets/Segmentation/pseudoseg/1_8'


def lines(path):
    return path.read_text().splitlines()


@pytest.mark.parametrize('name, links', [(LEAF, 20000), (LEAF, 2), (
    'pseudoseg/voc_1_8_tags.py', 20000)])
def test_data(module, monkeypatch, tmp_path, name, links):  # noqa: F811
    data = module('_bench_data')
    monkeypatch.setattr(data, 'LINKS', links)
    cfg = Config.fromfile(ROOT / 'configs' / name)
    options = data.write_data(tmp_path, cfg,
                              dict(labeled=5, unlabeled=12, val=3))
    cfg.merge_from_dict(options)
    train = cfg.train_dataloader.dataset
    assert {train.labeled.data_root, train.unlabeled.data_root,
            cfg.val_dataloader.dataset.data_root} == {str(tmp_path)}
    lists = [lines(tmp_path / SEGMENTATION / f'{part}.txt')
             for part in ('labeled', 'unlabeled')]
    lists.append(lines(tmp_path / 'ImageSets/Segmentation/val.txt'))
    assert [len(set(ids)) for ids in lists] == [5, 12, 3]
    assert {path.stem for path in (tmp_path / 'JPEGImages').iterdir()} == {
        i for ids in lists for i in ids}
    # The unlabelled masks are for tags alone.
    assert (tmp_path / 'SegmentationClassAug').is_dir() == ('tags' in name)
    for i in lists[0] + lists[2]:
        mask = cv2.imread(str(tmp_path / f'SegmentationClass/{i}.png'), -1)
        assert mask.shape == (375, 500) and 1 < mask.max() < 21
    files = list((tmp_path / 'files/unlabeled/0').iterdir())
    assert max(file.stat().st_nlink for file in files) - 1 <= max(2, links)


@pytest.mark.parametrize('leaf, image, mask, shape', [
    ('coco_1_32_x65', 'train2017/{}.jpg', 'masks81/train2017/{}.png',
     (480, 640)),
    ('city_1_4_r101', 'leftImg8bit/train/{}_leftImg8bit.png',
     'gtFine/train/{}_gtFine_labelTrainIds.png', (1024, 2048))])
def test_other_data(module, tmp_path, leaf,  # noqa: F811
                    image, mask, shape):
    cfg = Config.fromfile(ROOT / f'configs/pseudoseg/{leaf}.py')
    part = cfg.train_dataloader.dataset.labeled
    module('_bench_data').write_part(tmp_path, 'labeled', part, 1, 5)
    name, = lines(tmp_path / part.ann_file)
    assert cv2.imread(str(tmp_path / image.format(name))).shape[:2] == shape
    assert cv2.imread(str(tmp_path / mask.format(name)), -1).max() < 5


def test_startup(bench, here, config):  # noqa: F811
    """Real starts, each to its first batch of 2 + 2 images and 2 masks."""
    text, found = bench(
        'startup', config, '--labeled', 30, '--unlabeled', 70, '--workers', 0,
        '--rounds', 2, '--cfg-options', 'train_dataloader.batch_size=6')
    assert found['all']['sizes'] == dict(labeled=30, unlabeled=70)
    assert found['few']['sizes'] == dict(labeled=10, unlabeled=90)
    for kind in ('all', 'few'):
        start = found[kind]
        assert [run['decoded'] for run in start['runs']] == [
            dict(images=6, masks=3)] * 2
        assert start['iteration'] == 0 and start['worker'] == {}
        assert start['reader'].keys() == {'private', 'pss'}
        for run in start['runs']:
            assert 0.5 < sum(run['parts'].values()) / run['seconds'] <= 1
            assert run['parts'].keys() >= {'data sets', 'config: read',
                                           'network and optimizer'}
        both = [run['seconds'] for run in start['runs']]
        assert start['seconds'] == pytest.approx(sum(both) / 2)
        assert start['fastest'] == min(both)
    assert '30 + 70 ids' in text and 'data sets' in text
    assert found['machine'].keys() >= {'cpu', 'threads', 'torch', 'commit'}


def test_a_process_of_its_own(module, config, tmp_path):  # noqa: F811
    cfg = Config.fromfile(config)
    options = module('_bench_data').write_data(
        tmp_path / 'data', cfg, dict(labeled=300, unlabeled=900, val=1))
    starts = module('_bench_start')
    found = starts.start(str(config), tmp_path / 'w', starts.as_options({
        **options, 'train_dataloader.num_workers': 2}))
    assert 0.5 < sum(found['parts'].values()) / found['seconds'] <= 1
    parts = found['parts']
    assert min(parts[name] for name in (
        'Python and its imports', 'start of the workers', 'first batch',
        'config: laid out by yapf')) > 0
    # Of 2 workers: they have made the first batch at least.
    assert len(found['workers']) == 2 and found['decoded']['images'] >= 4
    # An entry has the image's path at least; what pickle adds is bounded.
    path = len(str(tmp_path / 'data/JPEGImages/unlabeled_000000.jpg'))
    assert path < found['list_bytes'] / 1200 < 4 * path + 200


def test_resume(bench, here, config, module, monkeypatch):  # noqa: F811
    """Nothing is decoded for 20,000 iterations; a stock run decodes all."""
    monkeypatch.setattr(module(NAME), 'RESUME',
                        dict(labeled=5, unlabeled=9, val=1))
    options = ['--workers', 0, '--rounds', 1, '--cfg-options',
               'train_cfg.max_iters=30000', 'train_dataloader.batch_size=6']
    text, found = bench('resume', config, *options)
    assert found['fresh']['iteration'] == 0
    assert found['resumed']['iteration'] == 20000
    for kind in ('fresh', 'resumed'):
        assert found[kind]['decoded'] == dict(images=6, masks=3)
        assert found[kind]['by_workers'] == dict(images=6, masks=3)
    assert found['resumed']['sizes'] == dict(labeled=5, unlabeled=9)
    assert 'resumed over fresh' in text
    # Without ReproducibleResumeHook the loop draws what it skips.
    _, found = bench('resume', config, '--iteration', 3, *options,
                     'custom_hooks=[]')
    assert found['fresh']['decoded'] == dict(images=6, masks=3)
    assert found['resumed']['decoded'] == dict(images=24, masks=12)


def test_a_checkpoint_of_a_later_iteration(module, tmp_path):  # noqa: F811
    state = dict(
        meta=dict(iter=1, epoch=0), state_dict=dict(w=torch.ones(2)),
        message_hub=dict(runtime_info=dict(iter=1)),
        optimizer=dict(state={0: dict(momentum_buffer=torch.full((2,), 3.))}),
        param_schedulers=[dict(last_step=1, power=.9)])
    torch.save(state, tmp_path / 'a.pth')
    module('_bench_start').set_iteration(tmp_path / 'a.pth',
                                         tmp_path / 'b.pth', 500)
    after = torch.load(tmp_path / 'b.pth', weights_only=False)
    assert after['meta'] == dict(iter=500, epoch=0)
    assert after['message_hub'] == dict(runtime_info=dict(iter=500))
    assert after['param_schedulers'] == [dict(last_step=500, power=.9)]
    assert after['state_dict']['w'].tolist() == [1, 1]
    assert after['optimizer']['state'][0]['momentum_buffer'].tolist() == [3, 3]


def test_no_weights_are_loaded(module):  # noqa: F811
    options = module('_bench_start').weight_options(dict(
        pretrained='open-mmlab://x', backbone=dict(
            pretrained=True, init_cfg=dict(type='Pretrained', checkpoint='x')),
        decode_head=[dict(init_cfg=dict(type='Normal', std=.01)),
                     dict(pretrained='y')]))
    assert options == [
        'model.pretrained=None', 'model.backbone.pretrained=False',
        'model.backbone.init_cfg=None', 'model.decode_head.1.pretrained=None']
    options = module('_bench_start').weight_options(dict(backbone=dict(
        type='TIMMBackbone', init_cfg=dict(type='TIMMPretrained'))))
    assert options == [
        'model.backbone.pretrained=False', 'model.backbone.init_cfg=None']


def test_one_layout_a_start(module, monkeypatch, config,  # noqa: F811
                            tmp_path):
    done = []
    child = module('_bench_child')
    for owner in (laying_out, yapf_api):  # whichever MMEngine is installed
        monkeypatch.setattr(owner, 'FormatCode', lambda text, **_: (
            done.append(text) or text, True), raising=False)
    options = module('_bench_data').write_data(
        tmp_path / 'd', Config.fromfile(config),
        dict(labeled=2, unlabeled=2, val=1))
    monkeypatch.setattr(sys, 'argv', [
        'train.py', str(config), '--work-dir', str(tmp_path), '--cfg-options',
        *(f'{key}={value}' for key, value in options.items())])
    forget_runs()
    child.run(0.)
    assert len(done) == 1
    assert gc.get_freeze_count() > 100000  # what has been imported


def test_errors(module, tool_main, config):  # noqa: F811
    small = ROOT / 'configs/small/pseudoseg_animals_1_16.py'
    for args, words in (
            (['startup', 'no.py'], ['no.py', 'no such config']),
            (['startup', config, '--labeled', 0], ['--labeled', 'from 1 on']),
            (['startup', config, '--workers', -1], ['--workers', 'from 0']),
            (['gloo', config, '--batch', 0, 1], ['--batch', 'from 1 on']),
            (['validation', small], ['BaseSegDataset', '--val-images N']),
            (['resume', ROOT / 'configs/supervised/sup_voc_1_8.py'],
             ['sup_voc_1_8.py', 'semi-supervised'])):
        error = tool_main(NAME, *args, ok=False)
        for word in ['error: ', *words]:
            assert word in error, error


def test_a_failed_start_is_shown(module, tmp_path):  # noqa: F811
    script = "print('before'); raise SystemExit('NoSuchHead')"
    with pytest.raises(SystemExit, match='(?s)ended with 1:.*NoSuchHead'):
        module('_bench_start').call([sys.executable, '-c', script],
                                    tmp_path / 'log')
