"""coco_masks.py: 81-class masks from annotations, and all it refuses."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny import TOOLS, run

pytest.importorskip('pycocotools', reason='pip install mmseg-pseudoseg[coco]')
sys.path.insert(0, str(TOOLS / 'dataset_converters'))
import coco_masks  # noqa: E402
import coco_shapes  # noqa: E402

SCRIPT = TOOLS / 'dataset_converters' / 'coco_masks.py'
# Counted by hand from COCO's list: the ids 12, 26, 29, ... are not in use.
LABELS = {1: 1, 11: 11, 13: 12, 28: 26, 31: 27, 90: 80}
# Image -> height, width and (annotation, category, crowd, x0, y0, x1, y1).
SCENES = {
    25: (12, 20, [
        (3, 90, 0, 4, 2, 8, 5),  # the smallest, on top of both
        (1, 1, 0, 0, 0, 10, 10),
        (2, 13, 0, 3, 1, 9, 8),
        (900, 1, 1, 8, 0, 20, 12),  # nowhere where a thing is
    ]),
    7: (9, 8, [(10, 31, 0, 0, 0, 4, 4), (9, 28, 0, 2, 2, 6, 6),
               (11, 1, 0, 5, 7, 8, 9), (12, 1, 0, 6, 6, 8, 8)]),  # 9 wins
    581929: (5, 6, []),
    300: (6, 6, [(20, 11, 1, 0, 0, 6, 6)]),
}


def polygon(x0, y0, x1, y1) -> list:
    return [[x0, y0, x1, y0, x1, y1, x0, y1]]


def inside(height, width, x0, y0, x1, y1) -> np.ndarray:
    region = np.zeros((height, width), bool)
    for y in range(y0, y1):
        for x in range(x0, x1):
            region[y, x] = True
    return region


def run_lengths(height, width, *box) -> dict:
    """Alternating lengths of 0 and 1, down the columns."""
    counts, value = [0], False
    for pixel in inside(height, width, *box).T.reshape(-1):
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return dict(size=[height, width], counts=counts)


def sample() -> dict:
    data = dict(images=[], annotations=[], categories=[
        dict(id=key, name=f'thing {key}') for key in (90, 1, 28, 31, 13, 11)])
    for image, (height, width, scene) in SCENES.items():
        data['images'].append(dict(id=image, height=height, width=width,
                                   file_name=f'{image:012d}.jpg'))
        for key, category, crowd, *box in scene:
            shape = run_lengths(height, width, *box) if crowd else polygon(
                *box)
            data['annotations'].append(
                dict(id=key, image_id=image, category_id=category,
                     iscrowd=crowd, segmentation=shape))
    return data


def expected(image: int) -> np.ndarray:
    """Each pixel on its own: the smallest thing there, else the crowd."""
    height, width, scene = SCENES[image]
    mask = np.zeros((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            here = [(crowd, (x1 - x0) * (y1 - y0), key, LABELS[category])
                    for key, category, crowd, x0, y0, x1, y1 in scene
                    if x0 <= x < x1 and y0 <= y < y1]
            if here:
                crowd, _, _, label = min(here)
                mask[y, x] = 255 if crowd else label
    return mask


def save(root: Path, data: object, name: str = 'val2017') -> Path:
    path = root / f'annotations/instances_{name}.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def masks(root: Path, name: str = 'val2017') -> dict:
    return {path.name: path.read_bytes()
            for path in (root / f'masks81/{name}').glob('*')}


@pytest.fixture()
def root(tmp_path) -> Path:
    save(tmp_path, sample())
    return tmp_path


@pytest.fixture()
def convert(root, monkeypatch, capfd):
    """Run the tool within this process; what it prints or refuses."""

    def call(*args: str, ok: bool = True) -> str:
        monkeypatch.setattr(sys, 'argv', [
            'coco_masks.py', str(root), '--sets', 'val2017', '--nproc', '1',
            *args])
        if ok:
            coco_masks.main()
            return capfd.readouterr().out
        with pytest.raises(SystemExit) as stop:
            coco_masks.main()
        return f'{stop.value.code}\n{capfd.readouterr().out}'

    return call


def test_masks_as_drawn_pixel_by_pixel(root):
    save(root, {**sample(), 'images': sample()['images'][:1],
                'annotations': sample()['annotations'][:4]}, 'train2017')
    log = run(sys.executable, SCRIPT, root, '--nproc', 2, cwd=root)
    lines = []
    for image in sorted(SCENES):
        path = root / f'masks81/val2017/{image:012d}.png'
        mask = np.asarray(Image.open(path))
        assert mask.dtype == np.uint8
        np.testing.assert_array_equal(mask, expected(image))
        digest = hashlib.sha256(expected(image).tobytes()).hexdigest()
        lines.append(f'{image:012d} {digest}')
    checksum = hashlib.sha256('\n'.join(lines).encode()).hexdigest()[:16]
    assert f'{root}/masks81/train2017: 1 new, 0 damaged, 0 present' in log
    assert f'{root}/masks81/val2017: 4 new, 0 damaged, 0 present' in log
    assert log.index('to write:') < log.index('val2017: 4 masks')
    assert f'val2017: 4 masks, as many as images; checksum {checksum}' in log
    found = log[log.rindex('with each class'):]
    for title, count in (('   1 thing 1 ', 2), ('  12 thing 13', 1),
                         ('  11 thing 11', 0), ('  80 thing 90', 1),
                         ('  with ignored pixels', 2)):
        assert f'{title:<21}{count:>7}\n' in found
    assert len(masks(root)) == 4 and len(masks(root, 'train2017')) == 1


def test_the_labels_of_all_eighty_categories():
    gaps = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
    assert [coco_masks.rules.LABELS.get(i) for i in range(1, 91)] == [
        None if i in gaps else i - sum(gap < i for gap in gaps)
        for i in range(1, 91)]
    assert len(coco_masks.rules.LABELS) == 80


def test_second_run_does_nothing(root, convert):
    first = convert()
    before = {path: path.stat().st_mtime_ns
              for path in (root / 'masks81').rglob('*')}
    second = convert()
    assert 'val2017: 0 new, 0 damaged, 4 present' in second
    assert 'nothing to do' in second
    assert second[second.index('val2017: 4 masks, '):] == first[
        first.index('val2017: 4 masks, '):]
    assert before == {path: path.stat().st_mtime_ns
                      for path in (root / 'masks81').rglob('*')}


def test_resume_after_a_lost_and_a_half_written_mask(root, convert):
    convert()
    whole = masks(root)
    lost, half = (root / f'masks81/val2017/{i:012d}.png' for i in (7, 25))
    lost.unlink()
    half.with_suffix('.png.tmp').write_bytes(half.read_bytes()[:40])
    half.unlink()
    assert '2 new, 0 damaged, 2 present' in convert()
    assert masks(root) == whole  # and no temporary file


# The tool, killed with its workers when the third mask is half on the disk.
KILLED = """
import os, signal, sys
import coco_files, coco_masks
move, done = os.replace, []
def die_at_the_third(source, target):
    if len(done) == 2:
        os.truncate(source, 30)
        os.killpg(0, signal.SIGKILL)
    done.append(move(source, target))
coco_files.os.replace = die_at_the_third
coco_masks.main()
"""


def test_a_killed_run_is_taken_up(root, convert):
    done = subprocess.run(
        [sys.executable, '-c', KILLED, str(root), '--sets', 'val2017',
         '--nproc', '1'], start_new_session=True, capture_output=True,
        env={**os.environ, 'PYTHONPATH': str(SCRIPT.parent)})
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert sorted(masks(root)) == ['000000000007.png', '000000000025.png',
                                   '000000000300.png.tmp']
    assert '2 new, 0 damaged, 2 present' in convert()
    assert len(masks(root)) == 4
    for image in SCENES:
        mask = Image.open(root / f'masks81/val2017/{image:012d}.png')
        np.testing.assert_array_equal(np.asarray(mask), expected(image))


def test_compressed_run_lengths_give_the_same_mask(root, convert):
    from pycocotools import mask as codec
    convert()
    plain = masks(root)
    for path in (root / 'masks81/val2017').iterdir():
        path.unlink()
    data = sample()
    for entry in data['annotations']:
        if entry['iscrowd']:
            shape = entry['segmentation']
            packed = codec.frPyObjects(shape, *shape['size'])
            packed['counts'] = packed['counts'].decode()
            entry['segmentation'] = packed
    save(root, data)
    convert()
    assert masks(root) == plain


def test_unpacking_agrees_with_pycocotools():
    from pycocotools import mask as codec
    rng = np.random.default_rng(0)
    for density in (0.001, 0.1, 0.5):
        region = np.asfortranarray(rng.random((70, 90)) < density)
        packed = codec.encode(region.astype(np.uint8))['counts'].decode()
        runs = np.diff(np.flatnonzero(np.diff(np.concatenate(
            [[2], region.T.reshape(-1).astype(int), [2]]))))
        start = [0] if region[0, 0] else []
        assert coco_shapes.unpack_counts(packed) == start + runs.tolist()


def shorten(path):
    path.write_bytes(path.read_bytes()[:50])
    return 'cannot be read'


def resize(path):
    Image.new('L', (5, 5)).save(path)
    return 'is of shape (5, 5) and uint8, but the image needs (12, 20)'


def colour(path):
    Image.new('RGB', (20, 12)).save(path)
    return 'is of shape (12, 20, 3)'


def relabel(path):
    Image.new('L', (20, 12), 79).save(path)
    return 'holds the value 79, which no annotation of the image has'


@pytest.mark.parametrize('damage', [shorten, resize, colour, relabel])
def test_a_damaged_mask_is_named_and_only_replaced_by_force(
        root, convert, damage):
    convert()
    whole = masks(root)
    path = root / f'masks81/val2017/{25:012d}.png'
    message = damage(path)
    (root / f'masks81/val2017/{7:012d}.png').unlink()
    damaged = masks(root)
    log = convert(ok=False)
    assert log.startswith(f'error: 1 masks are not what they must be, the '
                          f'first: {path}: {message}')
    assert 'Nothing was written; --force writes them anew' in log
    assert '1 new, 1 damaged, 2 present' in log
    assert masks(root) == damaged
    assert '1 new, 1 damaged, 2 present' in convert('--force')
    assert masks(root) == whole


def test_masks_of_no_image_are_refused(root, convert):
    folder = root / 'masks81/val2017'
    folder.mkdir(parents=True)
    (folder / '000000000008.png').touch()
    log = convert(ok=False)
    assert f'{folder}: 1 masks belong to no image' in log
    assert 'the first is 000000000008.png' in log
    assert list(masks(root)) == ['000000000008.png']


def set_first(**fields):
    """Change annotation 3, the first."""
    return lambda data: data['annotations'][0].update(fields)


def set_crowd(**fields):
    """Change the run lengths of annotation 900, of 12 x 20 pixels."""
    return lambda data: data['annotations'][3]['segmentation'].update(fields)


FAULTY = [
    (set_first(category_id=44), 'annotation 3: category_id 44 is not among'),
    (set_first(category_id=12), 'annotation 3: category_id 12 is not among'),
    (set_first(image_id=8), 'annotation 3: image_id 8 is not among the im'),
    (set_first(image_id='25'), "annotation 3: image_id '25' is not a whole"),
    (set_first(id=900), 'annotation 900: the id stands there twice'),
    (set_first(iscrowd=2), 'annotation 3: iscrowd 2 is neither 0 nor 1'),
    (set_first(segmentation=polygon(0, 0, 40, 4)),
     'annotation 3: the segmentation has x from 0 to 40, but the image is 20 '
     'wide and 12 high'),
    (set_first(segmentation=polygon(0, -9, 4, 4)),
     'annotation 3: the segmentation has y from -9 to 4'),
    (set_first(segmentation=polygon(0, 0, float('inf'), 4)),
     'cannot be read as JSON (Infinity is not JSON)'),
    (set_first(segmentation=[[0, 0, 4, 4]]), 'annotation 3: a polygon of'),
    (set_first(segmentation=[[0, 0, 4, 4, 2, 'a']]), 'annotation 3: a pol'),
    (set_first(segmentation=[]), 'annotation 3: the segmentation holds nei'),
    (set_crowd(size=[20, 12]),
     'annotation 900: the segmentation is of size [20, 12], but the image of '
     '[12, 20]'),
    (set_crowd(counts=[200]),
     'annotation 900: the run lengths of the segmentation cover 200 pixels, '
     'but the image has 240'),
    (set_crowd(counts=[250, -10]), 'annotation 900: the run lengths of the '
     'segmentation are not counts'),
    (set_crowd(counts='P'), 'annotation 900: the compressed run lengths of '
     'the segmentation end within a number'),
    (set_crowd(counts='\n'), 'the segmentation hold'),
    (lambda data: data['annotations'][2].pop('iscrowd'),
     'annotation 2: needs the keys id, image_id'),
    (lambda data: data['annotations'].append(5),
     'annotation number 10: needs the keys'),
    (lambda data: data['categories'].append(dict(id=91, name='hat')),
     "category 91 is not one of COCO's 80 things"),
    (lambda data: data['categories'].append(dict(id=1)),
     'category 1 stands there twice'),
    (lambda data: data['images'].append(dict(id=7, height=2, width=2)),
     'image 7 stands there twice'),
    (lambda data: data['images'][0].pop('height'), 'a height and a width'),
    (lambda data: data.pop('images'), 'needs the lists images, annotations'),
    (lambda data: data.update(images=[], annotations=[]), 'lists no image'),
]


@pytest.mark.parametrize('change, message', FAULTY)
def test_faulty_annotations_are_named(root, convert, change, message):
    data = sample()
    change(data)
    path = save(root, data)
    log = convert(ok=False)
    assert log.startswith(f'error: {path}: ') and message in log
    assert 'annotations_trainval2017.zip' in log  # the remedy
    assert not (root / 'masks81').exists()


def test_an_error_in_one_set_leaves_the_other_unwritten(root, convert):
    path = save(root, json.dumps(sample())[:-30], 'train2017')
    log = convert('--sets', 'val2017', 'train2017', ok=False)
    assert f'error: {path}: cannot be read as JSON' in log
    path.unlink()
    log = convert('--sets', 'val2017', 'train2017', ok=False)
    assert f'error: {path}: no such file; unpack annotations_train' in log
    assert not (root / 'masks81').exists()


def test_without_pycocotools_the_extra_is_named(root):
    blocked = root / 'blocked' / 'pycocotools'
    blocked.mkdir(parents=True)
    (blocked / '__init__.py').write_text('raise ImportError("not here")')
    log = run(sys.executable, SCRIPT, root, cwd=root, ok=False,
              env=dict(PYTHONPATH=str(blocked.parent)))
    assert 'pip install mmseg-pseudoseg[coco]' in log
    assert 'Traceback' not in log


@pytest.mark.parametrize('args', [['--nproc', '0'], ['--sets', '../val']])
def test_bad_options_are_refused(convert, args):
    assert convert(*args, ok=False).startswith('2')
