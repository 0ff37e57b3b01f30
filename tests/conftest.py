"""Shared toys: a tiny data set in VOC's layout, and the real slice."""

import gc
import itertools
import os
import socket
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Sequence, Union

import mmcv
import numpy as np
import pytest
import torch
from mmengine.config import config
from mmengine.registry import init_default_scope
from mmengine.utils import digit_version
from PIL import Image
from yapf.yapflib import yapf_api

import mmseg_pseudoseg  # noqa: F401  (registers the modules)

ROOT = Path(__file__).resolve().parents[1]
NUMBERS = itertools.count()
OLD_TORCH = digit_version(torch.__version__) < digit_version('2.6')
SHARED = Path(os.environ.get('PSEUDOSEG_SHARED', ROOT.parent / 'shared'))
refuses = pytest.mark.skipif(
    OLD_TORCH,
    reason='torch before 2.6 unpickles everything and has no allow-list')


def pytest_collection_finish() -> None:
    """What is imported stays: the garbage collector need not walk over it.

    MMEngine calls it for each data set, 0.3 s each time.
    """
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """What is marked ``cuda`` needs a GPU."""
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker('cuda'):
            item.add_marker(pytest.mark.skip(
                reason='needs a GPU, and torch finds none: make test-gpu on a '
                'machine with one'))


@pytest.fixture(autouse=True, scope='session')
def _one_thread() -> None:
    """Tiny networks are slower on several threads."""
    torch.set_num_threads(1)


def leave_configs_unformatted(setattr: Callable = setattr) -> None:
    """Take yapf's place, which MMEngine asks to lay out configs.

    Args:
        setattr (Callable): The built-in one, or one that is undone.
    """
    for module in (config, yapf_api):  # onedl-mmengine imports it when asked
        setattr(module, 'FormatCode', lambda text, **_: (text, True))


@pytest.fixture(autouse=True, scope='session')
def _unformatted_configs() -> Iterator[None]:
    """A Runner lays out its config four times, two thirds of a short test."""
    with pytest.MonkeyPatch.context() as patch:
        leave_configs_unformatted(
            lambda *what: patch.setattr(*what, raising=False))
        yield


@pytest.fixture(autouse=True)
def _scope() -> None:
    """Build from mmseg's registries, as a Runner does."""
    init_default_scope('mmseg')


@pytest.fixture()
def shared() -> Path:
    """Real photographs and published lists, where they are at hand."""
    if not (SHARED / 'data' / 'voc_animals').is_dir():
        pytest.skip(f'no real data at {SHARED} (set PSEUDOSEG_SHARED)')
    return SHARED


def read_checkpoint(path: Union[str, Path]) -> dict:
    """What a run saved; code is refused, where torch can."""
    return torch.load(path, weights_only=not OLD_TORCH)


def free_port() -> str:
    """A port nobody listens on."""
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return str(server.getsockname()[1])


def write_scenes(ids: Sequence[str], img: str, seg: str,
                 num_classes: int = 21, size: int = 48) -> None:
    """Write images with coloured boxes and their masks.

    Image k shows classes 1 + k % (C-1) and 1 + (k+1) % (C-1), a few pixels of
    ignore (255) between them, and background.

    Args:
        ids (Sequence[str]): One an image; may hold folders.
        img (str): Path of an image, with {} for its id.
        seg (str): Path of its mask; an empty one writes none.
        num_classes (int): C.
        size (int): Height; the width is 4/3 of it.
    """
    rng = np.random.default_rng(0)
    for k, name in enumerate(ids):
        height, width = size, size * 4 // 3
        mask = np.zeros((height, width), np.uint8)
        mask[4:height // 2, 4:width // 2] = 1 + k % (num_classes - 1)
        mask[height // 2 + 2:, width // 2:] = 1 + (k + 1) % (num_classes - 1)
        mask[height // 2:height // 2 + 2, 4:] = 255
        pixels = rng.integers(0, 60, (height, width, 3))
        pixels = pixels + (mask[..., None] * np.array([37, 91, 151])) % 190
        mmcv.imwrite(pixels.astype(np.uint8), img.format(name))
        if seg:
            Path(seg.format(name)).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).save(seg.format(name))


def write_voc(root: Path, lists: Dict[str, List[str]], num_classes: int = 21,
              size: int = 48, folder: str = 'SegmentationClass') -> None:
    """Write scenes with their lists in VOC's layout; see write_scenes.

    Args:
        root (Path): Folder in VOC's layout; made if it is missing.
        lists (dict[str, list[str]]): Name of a list -> ids.
        num_classes (int): C.
        size (int): Height; the width is 4/3 of it.
        folder (str): Name of the folder of masks.
    """
    ids = list(dict.fromkeys(i for names in lists.values() for i in names))
    write_scenes(ids, str(root / 'JPEGImages/{}.jpg'),
                 str(root / folder / '{}.png'), num_classes, size)
    for name, members in lists.items():
        path = root / 'ImageSets' / 'Segmentation' / f'{name}.txt'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('\n'.join(members) + '\n')


VOC_LISTS = {
    'train': [f'2007_{i:06d}' for i in range(12)],
    'trainaug': [f'2007_{i:06d}' for i in range(20)],
    'val': [f'2008_{i:06d}' for i in range(4)],
    'pseudoseg/1_8/labeled': [f'2007_{i:06d}' for i in range(4)],
    'pseudoseg/1_8/unlabeled': [f'2007_{i:06d}' for i in range(20)],
}


@pytest.fixture()
def voc_root(tmp_path: Path) -> Path:
    """A 21-class VOC of 24 images; see :data:`VOC_LISTS`."""
    root = tmp_path / 'VOC2012'
    write_voc(root, VOC_LISTS)
    write_voc(root, VOC_LISTS, folder='SegmentationClassAug')
    return root


def pipelines(num_classes: int = 21, crop: int = 33) -> Dict[str, list]:
    """Steps of the labelled and of the unlabelled part, jitter on."""
    geometry = [
        dict(type='RandomResize', scale=(64, 48), ratio_range=(0.5, 2.0),
             keep_ratio=True),
        dict(type='RandomCrop', crop_size=(crop, crop)),
        dict(type='RandomFlip', prob=0.5)
    ]
    strong = [
        dict(type='ColorJitter'),
        dict(type='CutOut', size=9, canvas=(crop, crop)),
        dict(type='PackSemiInputs')
    ]
    return dict(
        labeled=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='CheckAnnotations', num_classes=num_classes), *geometry,
            dict(type='MultiBranch', labeled=[dict(type='PackSemiInputs')])
        ],
        unlabeled=[
            dict(type='LoadImageFromFile'), *geometry,
            dict(type='LoadBlankAnnotations'),
            dict(type='MultiBranch', weak=[dict(type='PackSemiInputs')],
                 strong=strong)
        ])


def tiny_model(num_classes: int = 21, crop: int = 33) -> dict:
    """A SemiSegmentor of some ten thousand weights, with dropout."""
    norm_cfg = dict(type='BN', requires_grad=True)
    return dict(
        type='SemiSegmentor',
        data_preprocessor=dict(
            type='MultiBranchDataPreprocessor', mean=[124., 116., 104.],
            std=[58., 57., 57.], bgr_to_rgb=True, size=(crop, crop),
            seg_pad_val=255),
        backbone=dict(
            type='ResNet', depth=18, base_channels=8, norm_cfg=norm_cfg,
            strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2)),
        decode_head=dict(
            type='FCNHead', in_channels=64, in_index=3, channels=16,
            num_convs=1, concat_input=False, dropout_ratio=0.5,
            num_classes=num_classes, norm_cfg=norm_cfg,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
        sgc_head=dict(
            type='SGCHead', in_channels=(32, 64), in_index=(2, 3),
            num_classes=num_classes, channels=16),
        pseudo_label=dict(type='CalibratedFusion'),
        unsup_loss=dict(type='SoftCrossEntropyLoss'),
        train_cfg=dict(),
        test_cfg=dict(mode='whole'))


def tiny_dataset(root: Path, unlabeled: str = 'trainaug', **kwargs) -> dict:
    """A SemiDataset over the toy VOC."""
    steps = pipelines()
    part = dict(
        type='PascalVOCDataset', data_root=str(root),
        data_prefix=dict(img_path='JPEGImages',
                         seg_map_path='SegmentationClassAug'))
    lists = 'ImageSets/Segmentation/'
    return dict(
        type='SemiDataset',
        labeled=dict(ann_file=f'{lists}pseudoseg/1_8/labeled.txt',
                     pipeline=steps['labeled'], **part),
        unlabeled=dict(ann_file=f'{lists}{unlabeled}.txt',
                       pipeline=steps['unlabeled'], **part),
        **kwargs)


def tiny_run(root: Path, work_dir: Path, max_iters: int = 6,
             num_workers: int = 0, batch_size: int = 4) -> Dict[str, object]:
    """Keyword arguments of a Runner that trains on the toy VOC."""
    return dict(
        model=tiny_model(),
        work_dir=str(work_dir),
        train_dataloader=dict(
            batch_size=batch_size, num_workers=num_workers,
            sampler=dict(type='InfiniteSampler', shuffle=True),
            batch_sampler=dict(type='MultiSourceBatchSampler',
                               source_ratio=dict(labeled=1, unlabeled=1)),
            collate_fn=dict(type='multi_branch_collate'),
            dataset=tiny_dataset(root)),
        train_cfg=dict(type='LateWorkersTrainLoop', max_iters=max_iters),
        optim_wrapper=dict(
            optimizer=dict(type='SGD', lr=0.05, momentum=0.9)),
        param_scheduler=[
            dict(type='PolyLR', power=0.9, begin=0, end=6, by_epoch=False)],
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1,
                        log_metric_by_epoch=False),
            checkpoint=dict(type='CheckpointHook', by_epoch=False,
                            interval=1)),
        custom_hooks=[dict(type='ReproducibleResumeHook')],
        log_processor=dict(by_epoch=False),
        randomness=dict(seed=0),
        # MMEngine tells runs of one name apart by the second they begin in.
        experiment_name=f'{work_dir.name}-{next(NUMBERS)}',
        default_scope='mmseg')
