"""benchmark_run.py: memory, validation and pairs of processes."""

import multiprocessing
import os
from types import SimpleNamespace

import numpy as np
import pytest
from benching import Clock, tools_path  # noqa: F401  (a fixture)
from inprocess import tool_main  # noqa: F401  (a fixture)
from mmengine.config import Config
from mmseg.evaluation import IoUMetric
from running import (  # noqa: F401  (fixtures among them)
    MIB,
    bench,
    config,
    module,
)
from tiny import ROOT

from mmseg_pseudoseg.models import SemiSegmentor


def hold(array, write, ready, done):
    array[::1024] if not write else array.fill(1)
    ready.set()
    done.wait()


@pytest.mark.parametrize('write', [False, True])
def test_memory_tells_a_copy_from_a_shared_list(module, write):  # noqa: F811
    memory = module('_bench_child').memory
    context = multiprocessing.get_context('fork')
    array = np.zeros(64 * MIB, np.uint8)
    array.fill(2)
    ready, done = context.Event(), context.Event()
    worker = context.Process(target=hold, args=(array, write, ready, done))
    worker.start()
    try:
        assert ready.wait(300)
        found = memory(worker.pid)
        assert (found['private'] > 64 * MIB) == write
        assert memory(os.getpid())['private'] > 0
    finally:
        done.set()
        worker.join()


class Entries:
    """A part whose entries are objects, or bytes of one array."""

    def __init__(self, serialised):
        texts = [f'{k:050d}' for k in range(200000)]
        self.entries = np.array(texts, 'S') if serialised else texts

    def __len__(self):
        return len(self.entries)

    def get_data_info(self, i):
        return self.entries[i]


@pytest.mark.parametrize('serialised', [False, True])
def test_a_reader_copies_objects_alone(module, serialised):  # noqa: F811
    """200,000 strings of 99 bytes and more; their counts are in each page."""
    found = module('_bench_child').look_at_reader(
        SimpleNamespace(datasets=[Entries(serialised)]))
    assert (found['private'] > 19 * MIB) != serialised
    assert found['pss'] > 0


def test_share_by_hand(module):  # noqa: F811
    validation = module('_bench_validation')
    train_cfg = dict(max_iters=100, val_interval=30)  # 30, 60, 90, 100
    found = validation.share(2., .5, 3., train_cfg, 10, 4)  # 3 images a GPU
    assert found == dict(validations=4, training=200., validation=18.,
                         share=18 / 218)
    assert validation.num_validations(dict(train_cfg, val_begin=31)) == 3
    assert validation.num_validations(dict(max_iters=90,
                                           val_interval=30)) == 3


@pytest.mark.parametrize('leaf, images, times', [
    ('voc_1_8', 1449, 10), ('coco_1_32_x65', 5000, 10),
    ('city_1_4_r101', 500, 10)])
def test_shipped_schedules(module, leaf, images, times):  # noqa: F811
    validation = module('_bench_validation')
    cfg = Config.fromfile(ROOT / f'configs/pseudoseg/{leaf}.py')
    assert validation.num_images(cfg, leaf) == images
    assert validation.num_images(cfg, leaf, 7) == 7
    assert validation.num_gpus(cfg) == 8 and validation.num_gpus(cfg, 2) == 2
    assert validation.num_validations(cfg.train_cfg) == times


@pytest.fixture()
def clock(module, monkeypatch):  # noqa: F811
    """A step of 2 images takes 10, a batch 1 and 2 an image, metrics 5."""
    clock = Clock()
    for name in ('_clock', '_bench_validation'):
        monkeypatch.setattr(module(name), 'perf_counter', clock)

    def costly(owner, name, seconds, work=True):
        stock = getattr(owner, name)

        def call(self, *args, **kwargs):
            clock.now += seconds(args)
            return stock(self, *args, **kwargs) if work else {}

        monkeypatch.setattr(owner, name, call)

    costly(SemiSegmentor, 'train_step', lambda args: 10, work=False)
    costly(SemiSegmentor, 'predict', lambda args: 1 + 2 * len(args[0]))
    costly(IoUMetric, 'compute_metrics', lambda args: 5)


def test_validation(bench, clock, config):  # noqa: F811
    """4 validations of ceil(7 / 2) images at 3, and 5 at their end."""
    text, found = bench(
        'validation', config, config, '--batch', 1, 1, '--iters', 2,
        '--warmup', 1, '--val-batch', 2, '--val-images', 7, '--gpus', 2,
        '--cfg-options', 'train_cfg.max_iters=10', 'train_cfg.val_interval=3',
        'model.data_preprocessor.test_cfg.size=(375,500)')
    row, again = found['configs']
    assert row == again
    assert row['measured_step'] == 10 and row['step'] == 20  # of 2 + 2
    assert row['image'] == 3 and row['end'] == 5
    assert row['training'] == 200 and row['validation'] == 4 * (4 * 3 + 5)
    assert row['share'] == pytest.approx(68 / 268)
    assert '25.373 %' in text
    assert row['batched']['2']['image'] == 2.5  # (1 + 2 * 2) / 2
    for one in row['batched'].values():
        assert one['collectives'] == dict(collect_results=1,
                                          broadcast_object_list=1)
        assert one['metrics'].keys() == {'aAcc', 'mIoU', 'mAcc'}
        assert one['metrics'] == row['metrics']
    assert row['metrics']['aAcc'] > 0


class Steps:
    """A trainee that writes down its steps."""

    def __init__(self, log, name):
        self.step = lambda: log.append(name)


@pytest.mark.parametrize('rank', [0, 1])
def test_kinds_of_steps_take_turns(module, monkeypatch, rank):  # noqa: F811
    pair, log = module('_bench_pair'), []
    monkeypatch.setattr(pair.distributed, 'barrier',
                        lambda: log.append('barrier'))
    monkeypatch.setattr(pair.distributed, 'get_rank', lambda: rank)
    found = pair.alternate(Steps(log, 'alone'), Steps(log, 'joined'), 2, 1)
    one = [] if rank else ['alone']
    forth = ['barrier', *one, 'barrier', 'alone', 'barrier', 'joined']
    back = ['barrier', 'joined', 'barrier', 'alone', 'barrier', *one]
    assert log == [*back, *forth, *back]  # rounds -1, 0 and 1
    assert [len(v) for v in found['seconds'].values()] == [
        0 if rank else 2, 2, 2]


def test_ratios_by_hand(module):  # noqa: F811
    """Medians are of the ratios within a round: 5, 3, 7; not 6 / 2."""
    gloo = module('_bench_gloo')
    found = gloo.summarise(dict(
        seconds={gloo.ONE: [1, 2, 9], gloo.APART: [3, 4, 5],
                 gloo.TWO: [5, 6, 63]},
        core_seconds={gloo.ONE: [1, 1, 2], gloo.APART: [2, 2, 2],
                      gloo.TWO: [3, 3, 4]}))
    assert found['steps'][gloo.ONE] == dict(median=2, fastest=1, core=1)
    assert found['ratios'] == {
        'two, joined / one process': dict(median=5, fastest=5, core=3),
        'two, apart / one process': dict(median=2, fastest=3, core=2),
        'two, joined / two, apart': dict(
            median=5 / 3, fastest=5 / 3, core=1.5)}


def test_two_processes(bench, config):  # noqa: F811
    _, found = bench('gloo', config, '--iters', 2, '--warmup', 1, '--threads',
                     1, '--wrapper', 'gradient_as_bucket_view=True',
                     '--cfg-options', 'find_unused_parameters=True')
    assert found['threads'] == 1
    assert found['wrapper'] == dict(
        type='FrozenFirstDistributedDataParallel', device_ids=None,
        find_unused_parameters=True, gradient_as_bucket_view=True)
    assert {name: len(v) for name, v in found['seconds'].items()} == {
        'one process': 2, 'two, apart': 2, 'two, joined': 2}
    model = SemiSegmentor(**{k: v for k, v in Config.fromfile(
        config).model.items() if k != 'type'})
    assert found['gradient_bytes'] == 4 * sum(
        weight.numel() for weight in model.parameters()
        if weight.requires_grad)
