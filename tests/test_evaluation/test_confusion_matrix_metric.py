"""ConfusionMatrixMetric against scikit-learn, IoUMetric and two processes."""

import csv
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample
from PIL import Image
from sklearn import metrics as sklearn_metrics

from mmseg_pseudoseg.evaluation.confusion_matrix_metric import (
    confusion_matrix,
    draw_confusion_matrix,
)

ROOT = Path(__file__).resolve().parents[2]
NAMES = ('sky', 'a, b', 'c', 'never')


def metric(classes=NAMES, **kwargs):
    result = METRICS.build(dict(type='ConfusionMatrixMetric', **kwargs))
    result.dataset_meta = dict(classes=tuple(classes))
    return result


def sample(seed, ignore=255):
    """Three classes of four, in the shapes that a segmentor hands over."""
    generator = torch.Generator().manual_seed(seed)
    truth = torch.randint(0, 3, (1, 20, 20), generator=generator)
    noise = torch.randint(0, 3, (1, 20, 20), generator=generator)
    predicted = torch.where(
        torch.rand(1, 20, 20, generator=generator) < 0.4, noise, truth)
    truth[:, :2 + seed % 3] = ignore
    return dict(pred_sem_seg=dict(data=predicted), gt_sem_seg=dict(data=truth))


def by_sklearn(samples, ignore=255):
    truth, predicted = (
        torch.cat([one[key]['data'].flatten() for one in samples]).numpy()
        for key in ('gt_sem_seg', 'pred_sem_seg'))
    kept = truth != ignore
    return sklearn_metrics.confusion_matrix(
        truth[kept], predicted[kept], labels=range(4))


def read(folder):
    """Names above and beside the counts, and the counts."""
    with open(folder / 'confusion_matrix.csv', newline='') as file:
        head, *rows = csv.reader(file)
    return head[1:], [row[0] for row in rows], np.array(
        [row[1:] for row in rows], int)


def test_counts_and_iou_beside_the_stock_metric(tmp_path):
    samples = [sample(i) for i in range(3)]
    evaluator = Evaluator([
        dict(type='IoUMetric', iou_metrics=['mIoU']),
        dict(type='ConfusionMatrixMetric', out_dir=str(tmp_path / 'new'))])
    evaluator.dataset_meta = dict(classes=NAMES)
    for _ in range(2):  # a second evaluation starts from nothing
        evaluator.process(data_samples=[
            SegDataSample(**{k: PixelData(**v) for k, v in one.items()})
            for one in samples])
        found = evaluator.evaluate(3)
        columns, rows, counts = read(tmp_path / 'new')
        assert columns == rows == list(NAMES)
        assert np.array_equal(counts, by_sklearn(samples))
    areas = [sum(area) for area in zip(*(
        IoUMetric.intersect_and_union(
            one['pred_sem_seg']['data'], one['gt_sem_seg']['data'], 4, 255)
        for one in samples))]
    stock = IoUMetric.total_area_to_metrics(*areas)['IoU']
    ours = [found[f'IoU.{name}'] for name in NAMES]
    assert ours == pytest.approx((100 * stock).tolist(), nan_ok=True)
    assert found['mIoU'] == pytest.approx(np.nanmean(ours), abs=0.00501)
    assert math.isnan(found['IoU.never'])
    with Image.open(tmp_path / 'new' / 'confusion_matrix.png') as picture:
        low, high = picture.convert('L').getextrema()
        assert picture.format == 'PNG' and low < high


def test_ignore_index_and_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = sample(0, ignore=3)
    ours = metric(ignore_index=3)
    ours.process({}, [one])
    counts = by_sklearn([one], ignore=3)
    right, total = np.diag(counts), counts.sum(0) + counts.sum(1)
    assert list(ours.evaluate(1).values())[:3] == pytest.approx(
        100 * right[:3] / (total - right)[:3])
    ours = metric()
    ours.process({}, [one])
    assert ours.evaluate(1)['IoU.never'] == 0  # 3 is a class now
    assert not list(tmp_path.iterdir())


def test_large_counts_stay_exact():
    """Past 2^24, where the stock metric's float32 histogram stops."""
    size = 2**24 + 1
    matrix = confusion_matrix(torch.ones(size, dtype=torch.uint8),
                              torch.ones(size, dtype=torch.uint8), 2)
    assert matrix.tolist() == [[0, 0], [0, size]]


def test_picture_has_shares_of_rows():
    """Rows sum to 100; a class without pixels has no number."""
    figure = draw_confusion_matrix(
        torch.tensor([[3, 1, 0], [0, 0, 0], [2, 0, 8]]), 'abc')
    panel = figure.axes[0]
    numbers = {text.get_position(): text.get_text() for text in panel.texts}
    assert numbers == {(0, 0): '75', (1, 0): '25', (2, 0): '0',
                       (0, 2): '20', (1, 2): '0', (2, 2): '80'}
    assert [label.get_text() for label in panel.get_yticklabels()] == [*'abc']
    assert (panel.get_xlabel(), panel.get_ylabel()) == ('predicted', 'true')
    many = draw_confusion_matrix(torch.eye(26), [*map(str, range(26))])
    assert not many.axes[0].texts


@pytest.mark.parametrize('key, value, words', [
    ('gt_sem_seg', 4, 'masks hold class 4.*reduce_zero_label'),
    ('pred_sem_seg', 5, 'predicts class 5.*decode_head.num_classes'),
])
def test_labels_out_of_range(key, value, words):
    one = sample(0)
    one[key]['data'][0, -1, -1] = value
    with pytest.raises(ValueError, match=words):
        metric().process({}, [one])


WORKER = '''
import sys
from datetime import timedelta
import torch
from test_confusion_matrix_metric import metric, sample
from mmseg_pseudoseg.engine import leave_process_group

rank, folder = int(sys.argv[1]), sys.argv[2]
torch.distributed.init_process_group(
    'gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=2,
    timeout=timedelta(minutes=5))
ours = metric(out_dir=folder)
for i in [[0, 2, 4], [1, 3, 0]][rank]:
    ours.process({}, [sample(i)])
ours.evaluate(5)
leave_process_group()
'''


def test_two_processes_count_an_image_once(tmp_path):
    """Five images; the sampler gives the second process the first again."""
    path = os.pathsep.join(map(str, [ROOT, Path(__file__).parent]))
    workers = [
        subprocess.Popen(
            [sys.executable, '-c', WORKER, str(rank), str(tmp_path)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=dict(os.environ, PYTHONPATH=path, OMP_NUM_THREADS='1',
                     CUDA_VISIBLE_DEVICES='')) for rank in range(2)]
    try:
        for worker in workers:
            error = worker.communicate(timeout=400)[1]
            assert worker.returncode == 0, error[-3000:]
    finally:
        for worker in workers:
            worker.kill()
    assert np.array_equal(read(tmp_path)[2],
                          by_sklearn([sample(i) for i in range(5)]))
