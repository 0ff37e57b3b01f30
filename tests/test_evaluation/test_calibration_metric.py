"""CalibrationMetric in one process, in two, and on 1e8 pixels."""

import json
import math
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from conftest import tiny_model
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.registry import METRICS, MODELS
from mmseg.structures import SegDataSample
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def metric(classes='abc', **kwargs):
    result = METRICS.build(dict(type='CalibrationMetric', **kwargs))
    result.dataset_meta = dict(classes=tuple(classes))
    return result


def sample(seed, classes=3, size=20):
    """Logits that favour the truth, a tenth of it ignored."""
    generator = torch.Generator().manual_seed(seed)
    truth = torch.randint(0, classes, (size, size), generator=generator)
    logits = 2 * torch.randn(classes, size, size, generator=generator)
    logits.scatter_add_(0, truth[None], torch.ones(1, size, size))
    truth[:size // 10] = 255
    return dict(seg_logits=dict(data=logits),
                gt_sem_seg=dict(data=truth[None]),
                pred_sem_seg=dict(data=logits.argmax(0, keepdim=True)))


def by_hand(samples, classes='abc', bins=15):
    """The report in plain float64 Python."""
    rows = []
    for one in samples:
        prob = one['seg_logits']['data'].double().softmax(0).flatten(1)
        truth = one['gt_sem_seg']['data'].flatten().tolist()
        rows += [(max(p), p.index(max(p)), t)
                 for p, t in zip(prob.T.tolist(), truth) if t != 255]

    def gaps(chosen):
        held = {}
        for p, label, true in chosen:
            gap = p - (label == true)
            held.setdefault(math.ceil(p * bins), []).append(gap)
        return [(len(v), abs(math.fsum(v))) for v in held.values()]

    def ece(chosen):
        return sum(gap for _, gap in gaps(chosen)) / len(chosen)

    report = {'ECE': ece(rows), 'MCE': max(g / n for n, g in gaps(rows))}
    for k, name in enumerate(classes):
        report[f'ECE.{name}'] = ece([row for row in rows if row[1] == k])
    return report


def test_report_beside_iou_in_an_evaluator():
    samples = [sample(i) for i in range(3)]
    evaluator = Evaluator([
        dict(type='IoUMetric', iou_metrics=['mIoU']),
        dict(type='CalibrationMetric')])
    evaluator.dataset_meta = dict(classes=tuple('abc'))
    for _ in range(2):  # a second evaluation starts from nothing
        evaluator.process(data_samples=[
            SegDataSample(**{k: PixelData(**v) for k, v in one.items()})
            for one in samples])
        found = evaluator.evaluate(3)
        assert found.pop('mIoU') > 0
        for key, value in by_hand(samples).items():
            assert found[key] == pytest.approx(value, abs=1e-6), key


def test_prefix_and_bins():
    one = sample(0)
    ours = metric(prefix='cal', num_bins=4)
    ours.process({}, [one])
    assert ours.evaluate(1)['cal/ECE'] == pytest.approx(
        by_hand([one], bins=4)['ECE'], abs=1e-6)


def test_state_does_not_grow():
    ours = metric()
    sizes = []
    for i in range(4):
        ours.process({}, [sample(i)])
        sizes.append(len(ours.results))
    assert sizes == [1, 2, 2, 2]
    assert ours.results[0].count.shape == (3, 15)


def test_hundred_million_pixels():
    """Three confidences of a million pixels each time; nine tenths in one.

    Their bin alone passes 2^24, where float32 counts stop.
    """
    parts = [(900_007, 0.95, Fraction(9, 10)), (60_000, 0.7, Fraction(1, 2)),
             (39_993, 0.55, Fraction(2, 3))]
    prob = torch.cat([torch.full((n,), p) for n, p, _ in parts])
    truth = torch.ones(1, len(prob), dtype=torch.int64)
    start, expected = 0, Fraction(0)
    for n, p, share in parts:
        wrong = n - int(share * n)
        truth[0, start:start + wrong] = 0
        start += n
        single = Fraction(float(torch.tensor(p)))
        expected += abs(Fraction(n - wrong) - n * single)
    expected /= len(prob)
    ours = metric('ab')
    image = dict(seg_logits=dict(data=prob[None, None]),
                 gt_sem_seg=dict(data=truth[None]))
    ours.process({}, [image] * 100)
    found = ours.evaluate(100)
    assert len(prob) == 1_000_000
    assert found['ECE'] == pytest.approx(float(expected), abs=1e-10)
    assert found['ECE.b'] == found['ECE']
    assert math.isnan(found['ECE.a'])


def test_binary_network_with_one_channel():
    """What a stock segmentor with out_channels=1 hands over."""
    model = tiny_model(num_classes=2)
    for key in ('sgc_head', 'pseudo_label', 'unsup_loss', 'data_preprocessor'):
        model.pop(key)
    model['type'] = 'EncoderDecoder'
    model['decode_head'].update(out_channels=1, loss_decode=dict(
        type='CrossEntropyLoss', use_sigmoid=True))
    network = MODELS.build(model).eval()
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(1, 1, 9, 9, generator=generator)
    truth = torch.randint(0, 2, (1, 9, 9), generator=generator)
    data = SegDataSample(gt_sem_seg=PixelData(data=truth),
                         metainfo=dict(ori_shape=(9, 9)))
    done, = network.postprocess_result(logits, [data])
    ours = metric('ab')
    ours.process({}, [done.to_dict()])
    pair = torch.cat([torch.zeros_like(logits), logits], dim=1)[0]
    expected = by_hand([dict(seg_logits=dict(data=pair),
                             gt_sem_seg=dict(data=truth))], 'ab')
    assert ours.evaluate(1) == pytest.approx(expected, abs=1e-6)


def test_all_ignored_is_nan():
    one = sample(0)
    one['gt_sem_seg']['data'][:] = 255
    ours = metric()
    ours.process({}, [one])
    assert all(math.isnan(value) for value in ours.evaluate(1).values())


def test_diagram_is_written(tmp_path):
    ours = metric(out_dir=str(tmp_path / 'new'))
    ours.process({}, [sample(0)])
    ours.evaluate(1)
    with Image.open(tmp_path / 'new' / 'reliability.png') as picture:
        low, high = picture.convert('L').getextrema()
        assert picture.format == 'PNG' and low < high


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match='num_bins'):
        metric(num_bins=0)
    with pytest.raises(ValueError, match='decode_head.num_classes'):
        metric('ab').process({}, [sample(0)])
    ours = metric()
    ours.process({}, [sample(0)] * 3)
    with pytest.raises(ValueError, match='3 images of a data set of 2'):
        ours.evaluate(2)


WORKER = '''
import json
import sys
from datetime import timedelta
import torch
from test_calibration_metric import metric, sample
from mmseg_pseudoseg.engine import leave_process_group

torch.set_num_threads(1)
rank, folder = int(sys.argv[1]), sys.argv[2]
torch.distributed.init_process_group(
    'gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=2,
    timeout=timedelta(minutes=5))
reports = []
for size, shares in json.loads(sys.argv[3]):
    ours = metric()
    for i in shares[rank]:
        ours.process({}, [sample(i)])
    reports.append(ours.evaluate(size))
with open(f'{folder}/{rank}.json', 'w') as file:
    json.dump(reports, file)
leave_process_group()
'''


def test_two_processes_equal_one(tmp_path):
    """Uneven shares, a padded one (image 0 again), and an idle process."""
    cases = [(5, [[0, 1, 2, 3], [4]]), (5, [[0, 2, 4], [1, 3, 0]]),
             (5, [[0, 2, 4], [1, 3]]), (2, [[0, 1], []])]
    path = os.pathsep.join(map(str, [ROOT, ROOT / 'tests',
                                     Path(__file__).parent]))
    workers = [
        subprocess.Popen(
            [sys.executable, '-c', WORKER, str(rank), str(tmp_path),
             json.dumps(cases)], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
            env=dict(os.environ, PYTHONPATH=path, OMP_NUM_THREADS='1',
                     CUDA_VISIBLE_DEVICES='')) for rank in range(2)]
    try:
        for worker in workers:
            error = worker.communicate(timeout=400)[1]
            assert worker.returncode == 0, error[-3000:]
    finally:
        for worker in workers:
            worker.kill()
    ranks = [json.loads((tmp_path / f'{r}.json').read_text()) for r in (0, 1)]
    assert ranks[0] == ranks[1]
    for (size, _), found in zip(cases, ranks[0]):
        alone = metric()
        alone.process({}, [sample(i) for i in range(size)])
        assert found == pytest.approx(alone.evaluate(size), abs=1e-12)
