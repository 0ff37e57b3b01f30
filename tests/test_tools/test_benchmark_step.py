"""benchmark_step.py on a clock that only known costs move."""

import importlib
import json

import pytest
import torch
from benching import Clock, tools_path  # noqa: F401  (a fixture)
from conftest import tiny_model, tiny_run
from inprocess import tool_main  # noqa: F401  (a fixture)
from mmengine.config import Config
from mmseg.models.backbones import ResNet

NAME = 'benchmark_step'


class Cost(torch.autograd.Function):
    """One second an image forward, some backward."""

    @staticmethod
    def forward(ctx, x, clock, forward, backward):
        ctx.clock, ctx.cost = clock, backward * len(x)
        clock.now += forward * len(x)
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        ctx.clock.now += ctx.cost
        return grad, None, None, None


@pytest.fixture()
def bench(tools_path, tool_main, tmp_path):  # noqa: F811
    """``bench(config, *args)``: printed text and the JSON file."""

    def run(config, *args):
        out = tmp_path / 'out' / 'step.json'
        text = tool_main(NAME, config, '--iters', 1, '--warmup', 1, '--json',
                         out, *args)
        return text, json.loads(out.read_text())

    return run


def write(folder, name='semi', **model):
    """A config of some ten thousand weights, 2 + 2 images of 33 x 33."""
    cfg = Config(tiny_run(folder / 'no data', folder))
    cfg.model.update(model)
    path = folder / f'{name}.py'
    cfg.dump(path)
    return path


def supervised(folder, depth=18, num_classes=21):
    model = tiny_model(num_classes)
    for key in ('sgc_head', 'pseudo_label', 'unsup_loss'):
        del model[key]
    model.update(type='EncoderDecoder')
    model['data_preprocessor'].update(type='SegDataPreProcessor')
    model['backbone'].update(depth=depth)
    folder.mkdir(exist_ok=True)
    path = folder / 'sup.py'
    Config(dict(model=model)).dump(path)
    return path


@pytest.fixture()
def costs(tools_path, monkeypatch):  # noqa: F811
    """``costs(backward)``: an image costs 1 forward, SGC 0.5."""
    clock = Clock()
    stock, head = ResNet.forward, importlib.import_module(
        'mmseg_pseudoseg.models.decode_heads.sgc_head')
    propagate = head.propagate

    def set_costs(back):
        def forward(self, x):
            *first, last = stock(self, x)
            depth = self.depth / 18
            return (*first, Cost.apply(last, clock, depth, depth * back))

        def attend(scores, *args):
            clock.now += .5 * len(scores)
            return propagate(scores, *args)

        monkeypatch.setattr(ResNet, 'forward', forward)
        monkeypatch.setattr(head, 'propagate', attend)
        monkeypatch.setattr(importlib.import_module('_clock'), 'perf_counter',
                            clock)

    return set_costs


def trained_parts(parts, back, few, many, joint):
    """Adds the passes with a gradient to those of the floor."""
    if joint:
        return dict(parts, **{'joint forward': few + many,
                              'joint backward': back * (few + many)})
    return dict(parts, **{
        'strong forward': many, 'labelled forward': few,
        'strong backward': back * many, 'labelled backward': back * few})


@pytest.mark.parametrize('back, tags, batch, joint', [
    (2, False, (2, 2), False), (5, False, (1, 3), False),
    (2, True, (2, 2), False), (3, True, (1, 3), True)])
def test_ratios_and_parts_are_those_of_the_costs(bench, costs, tmp_path, back,
                                                 tags, batch, joint):
    """7/3 where backward costs 2; the floor is measured where it costs 5."""
    costs(back)
    backbone = dict(tiny_model()['backbone'], norm_eval=joint)
    config = write(tmp_path, image_labels=tags, backbone=backbone,
                   joint_pass=joint)
    args = [] if batch == (2, 2) else ['--batch', *batch]
    text, found = bench(config, *args)
    few, many = batch
    sup = few * (1 + back)
    floor = sup + many + many * (1 + back) + tags * many * back
    sgc = .5 * (few + many)
    assert found['batch'] == [few, many]
    assert found['median_seconds'] == pytest.approx(
        {'PseudoSeg': floor + sgc, 'supervised': sup, 'floor': floor,
         'same passes': floor})
    assert found['ratios'] == pytest.approx({
        'PseudoSeg / supervised': (floor + sgc) / sup,
        'PseudoSeg / floor': (floor + sgc) / floor,
        'PseudoSeg / same passes': (floor + sgc) / floor,
        'floor / supervised': floor / sup,
        'backward / forward, strong and labelled': back})
    if batch == (2, 2) and not tags:
        assert floor / sup == pytest.approx(7 / 3)
    parts = {k: v for k, v in found['parts']['PseudoSeg'].items() if v}
    trained = {'joint pass': few + many} if joint else {
        'strong pass': many, 'labelled pass': few}
    assert parts == pytest.approx({
        'weak pass': many, **trained, 'SGC and CAM': sgc,
        'backward': back * (few + many + tags * many)})
    parts = {k: v for k, v in found['parts']['same passes'].items() if v}
    weak = {'weak backward': back * many} if tags else {}
    assert parts == pytest.approx(trained_parts(
        {'weak forward': many, **weak}, back, few, many, joint))
    assert found['method_share'] == pytest.approx(sgc / (floor + sgc))
    assert found['extra_backward_share'] == pytest.approx(0)
    assert f'{(floor + sgc) / floor:.3f}' in text
    assert ('pass has a gradient' in text) == tags
    assert ('pass has no gradient;' in text) != tags
    assert 'wait for a GPU (copies not counted), PseudoSeg: 0' in text


def test_a_ratio_compares_what_ran_side_by_side(tools_path):  # noqa: F811
    """Times double and quadruple; medians would say 3 / 4 = 0.75."""
    module = importlib.import_module('benchmark_step')
    assert module.ratio([1.5, 3., 60.], [1., 4., 30.]) == 1.5
    assert module.ratio([2., 4.], [1., 4.]) == 1.5


def test_every_part_is_called(bench, tmp_path):
    """A method that the step no longer calls would be missing."""
    _, found = bench(write(tmp_path))
    assert set(found['parts']['PseudoSeg']) == {
        'rest', 'data preprocessor', 'weak pass', 'SGC and CAM', 'fusion',
        'strong pass', 'soft loss', 'labelled pass', 'backward', 'optimizer'}
    assert all(v > 0 for v in found['parts']['PseudoSeg'].values())
    assert found['machine'].keys() >= {
        'cpu', 'threads', 'torch', 'device', 'commit'}
    assert found['machine']['torch'] == torch.__version__
    assert found['peak_bytes']['PseudoSeg'] > 2**27
    assert found.keys() >= set(importlib.import_module('gpu_report').FIGURES)


def test_the_baseline_is_another_network(bench, costs, tmp_path):
    """A deeper one at 34/18 of the cost, with CONFIG's labelled images."""
    costs(2)
    _, found = bench(write(tmp_path), '--baseline', supervised(tmp_path, 34))
    assert found['median_seconds']['supervised'] == pytest.approx(6 * 34 / 18)
    assert found['median_seconds']['floor'] == pytest.approx(14)


@pytest.mark.parametrize('option', [
    None, '--amp', '--channels-last', '--compile', '--shape'])
def test_options(bench, tmp_path, monkeypatch, option):
    """Each changes what the backbone sees in both kinds of step."""
    stock, seen, compiled = ResNet.forward, set(), []

    def forward(self, x):
        seen.add((torch.is_autocast_cpu_enabled(), tuple(x.shape[2:]),
                  self.layer1[0].conv1.weight.is_contiguous(
                      memory_format=torch.channels_last)))
        return stock(self, x)

    monkeypatch.setattr(ResNet, 'forward', forward)
    monkeypatch.setattr(torch, 'compile',
                        lambda f, **_: compiled.append(f) or f)
    args = [option] if option else []
    if option == '--shape':
        args += [40, 56]
    _, found = bench(write(tmp_path), *args)
    shape = (40, 56) if option == '--shape' else (33, 33)
    assert seen == {(option == '--amp', shape, option == '--channels-last')}
    assert len(compiled) == 4 * (option == '--compile')
    assert found['shape'] == list(shape)
    assert found['compile'] == (option == '--compile')
    assert found['channels_last'] == (option == '--channels-last')


def test_amp_on_the_cpu_of_a_machine_with_a_gpu(bench, tmp_path, monkeypatch):
    train = importlib.import_module('train')
    monkeypatch.setattr(train, 'get_device', lambda: 'cuda')
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda: (9, 0))
    _, found = bench(write(tmp_path), '--amp')
    assert found['optim_wrapper'] == 'CPUAmpOptimWrapper'


def test_the_hook_of_a_config_counts(bench, tmp_path):
    path = write(tmp_path)
    path.write_text(path.read_text() +
                    "\ncustom_hooks = [dict(type='ChannelsLastHook')]\n")
    assert bench(path)[1]['channels_last']


def test_errors(tools_path, tool_main, tmp_path, monkeypatch):  # noqa: F811
    """Each names the config or the option, and the remedy."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    semi, sup = write(tmp_path), supervised(tmp_path)
    few = supervised(tmp_path / 'few', num_classes=7)
    for args, words in (
            ([tmp_path / 'no.py'], ['no.py', 'no such config']),
            ([sup], [str(sup), 'sgc_head', '--baseline']),
            ([semi, '--baseline', semi], [str(semi), 'supervised config']),
            ([semi, '--baseline', few], [str(few), '7', '21', 'same data']),
            ([semi, '--device', 'cuda'], ['no GPU', '--device cpu']),
            ([semi, '--iters', 0], ['--iters', 'from 1 on']),
            ([semi, '--batch', 0, 2], ['--batch', 'from 1 on']),
            ([semi, '--cfg-options', 'optim_wrapper.accumulative_counts=2'],
             ['accumulative_counts=1']),
            ([semi, '--cfg-options', 'train_dataloader.batch_size=3'],
             ['batch_size=3', 'multiple of 2']),
            ([semi, '--cfg-options', 'model.data_preprocessor.size=None'],
             ['data_preprocessor.size', '--shape'])):
        error = tool_main(NAME, *args, ok=False)
        for word in ['error: ', *words]:
            assert word in error, error
