"""Teacher, masks, student: the two stages of self-training."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import VOC_LISTS, free_port, write_voc
from mmengine.config import Config
from mmseg.apis import inference_model, init_model
from PIL import Image
from tiny import ROOT, TOOLS, run, shrink, tiny_config, tool

LIST = 'ImageSets/Segmentation/pseudoseg/1_8/unlabeled.txt'
NAMES = VOC_LISTS['pseudoseg/1_8/unlabeled']


@pytest.fixture(scope='module')
def teacher(tmp_path_factory):
    """A supervised config, made small, and a network with clear opinions."""
    folder = tmp_path_factory.mktemp('self training')
    root = folder / 'VOC2012'
    write_voc(root, VOC_LISTS)
    config = tiny_config('supervised/sup_voc_1_8.py', root,
                         folder / 'sup_voc_1_8.py')
    torch.manual_seed(0)
    model = init_model(str(config), device='cpu')
    model.decode_head.conv_seg.weight.data.normal_(std=30)
    checkpoint = folder / 'teacher.pth'
    torch.save(dict(state_dict=model.state_dict(), meta={}), checkpoint)
    return config, checkpoint, root


def generate(teacher, *args, cwd: Path, ok: bool = True) -> str:
    config, checkpoint, _ = teacher
    return tool('generate_pseudo_labels.py', config, checkpoint, '--list',
                LIST, *args, cwd=cwd, ok=ok)


def masks(folder: Path) -> dict:
    return {p.stem: np.asarray(Image.open(p)) for p in folder.glob('*.png')}


def test_two_stages(teacher, tmp_path):
    """The masks are the teacher's; a stopped run goes on; a student learns."""
    config, checkpoint, root = teacher
    log = generate(teacher, cwd=tmp_path)
    out = root / 'pseudo_labels' / 'sup_voc_1_8'
    made = masks(out)
    assert sorted(made) == sorted(NAMES) and f'{len(NAMES)} masks' in log
    # Not in the work dir itself, where training left its config.
    work_dir = tmp_path / 'work_dirs' / 'sup_voc_1_8'
    assert [path.name for path in work_dir.iterdir()] == ['labels']
    assert (work_dir / 'labels' / 'sup_voc_1_8.py').is_file()
    model = init_model(str(config), str(checkpoint), 'cpu')
    for name in NAMES:
        result = inference_model(model, str(root / f'JPEGImages/{name}.jpg'))
        confidence, label = result.seg_logits.data.softmax(0).max(0)
        label[confidence <= .5] = 255
        assert np.array_equal(made[name], label.numpy()), name
    assert any((mask == 255).any() for mask in made.values())
    assert any((mask < 255).any() for mask in made.values())

    kept, lost = NAMES[0], NAMES[1]
    before = (out / f'{kept}.png').stat().st_mtime_ns
    (out / f'{lost}.png').unlink()
    assert 'to write: 1 masks' in generate(teacher, cwd=tmp_path)
    assert (out / f'{kept}.png').stat().st_mtime_ns == before
    assert np.array_equal(masks(out)[lost], made[lost])
    assert 'to write: 0 masks' in generate(teacher, cwd=tmp_path)

    student = Config.fromfile(
        ROOT / 'configs/self_training/st_voc_1_8_x65.py')
    shrink(student._cfg_dict)
    teacher_cfg = Config.fromfile(config)
    student.model = teacher_cfg.model
    for part in (student.train_dataloader.dataset.labeled,
                 student.train_dataloader.dataset.unlabeled,
                 student.val_dataloader.dataset,
                 student.test_dataloader.dataset):
        part.data_root = str(root)
    student.train_dataloader.dataset.unlabeled.data_prefix.seg_map_path = str(
        out.relative_to(root))
    student.train_dataloader.batch_size = 4
    student.train_cfg.update(max_iters=2, val_interval=2)
    student.dump(tmp_path / 'student.py')
    assert 'mIoU' in tool('train.py', tmp_path / 'student.py', cwd=tmp_path)


def test_two_processes_share_the_list(teacher, tmp_path):
    config, checkpoint, _ = teacher
    args = [config, checkpoint, '--list', LIST, '--cfg-options',
            'env_cfg.dist_cfg.backend=gloo']
    tool('generate_pseudo_labels.py', *args, '--out', tmp_path / 'one',
         cwd=tmp_path)
    run(sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2',
        f'--master_port={free_port()}', TOOLS / 'generate_pseudo_labels.py',
        *args, '--out', tmp_path / 'two', '--launcher', 'pytorch',
        cwd=tmp_path)
    one, two = masks(tmp_path / 'one'), masks(tmp_path / 'two')
    assert sorted(one) == sorted(two) == sorted(NAMES)
    assert all(np.array_equal(one[name], two[name]) for name in NAMES)


def test_threshold_and_folder(teacher, tmp_path):
    generate(teacher, '--out', 'all', '--threshold', 0, cwd=tmp_path)
    made = masks(tmp_path / 'all')
    assert made and all((mask != 255).all() for mask in made.values())
    source = json.loads((tmp_path / 'all' / 'source.json').read_text())
    assert source['threshold'] == 0 and source['config'] == 'sup_voc_1_8'


@pytest.mark.parametrize('content, words', [
    (dict(config='other', checkpoint='0', threshold=.5), ['other', '--out']),
    (None, ['did not make', '--out']),
])
def test_masks_of_another_teacher_stay(teacher, tmp_path, content, words):
    out = tmp_path / 'out'
    out.mkdir()
    name = 'source.json' if content else 'mine.png'
    (out / name).write_text(json.dumps(content))
    log = generate(teacher, '--out', out, cwd=tmp_path, ok=False)
    assert all(word in log for word in [str(out), *words])
    assert [p.name for p in out.iterdir()] == [name]
    assert 'Traceback' not in log


def test_missing_checkpoint_and_empty_list(teacher, tmp_path):
    config, checkpoint, root = teacher
    log = tool('generate_pseudo_labels.py', config, 'no.pth', '--list', LIST,
               cwd=tmp_path, ok=False)
    assert 'no.pth: no such file' in log and 'Traceback' not in log
    (tmp_path / 'empty.txt').write_text('')
    log = tool('generate_pseudo_labels.py', config, checkpoint, '--list',
               tmp_path / 'empty.txt', cwd=tmp_path, ok=False)
    assert 'empty.txt' in log and 'no image' in log


def test_folders_of_the_list_are_those_of_the_masks(teacher, tmp_path):
    """The student finds a/one.png by the same list."""
    config, checkpoint, root = teacher
    ids = ['a/one', 'b/one', '2007_000000']
    for name in ids[:2]:
        path = root / f'JPEGImages/{name}.jpg'
        path.parent.mkdir(exist_ok=True)
        shutil.copy(root / f'JPEGImages/{ids[2]}.jpg', path)
    (tmp_path / 'list.txt').write_text('\n'.join(ids))
    tool('generate_pseudo_labels.py', config, checkpoint, '--list',
         tmp_path / 'list.txt', '--out', tmp_path / 'out', cwd=tmp_path)
    one, two, three = (np.asarray(Image.open(tmp_path / f'out/{i}.png'))
                       for i in ids)
    assert np.array_equal(one, two) and np.array_equal(one, three)
