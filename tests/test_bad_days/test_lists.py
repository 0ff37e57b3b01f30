"""Lists and tags from anywhere: text, inside the data, never unpickled."""

import gc
import importlib
import io
import os
import pickle
import posixpath
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT, tiny_dataset
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mmengine.config import Config
from mmengine.fileio import list_from_file
from mmseg.registry import DATASETS, METRICS

from mmseg_pseudoseg.datasets.image_labels import read_tag_file
from mmseg_pseudoseg.datasets.lists import (
    PLAIN,
    check_list,
    check_name,
    read_lines,
)

LIST = 'ImageSets/Segmentation/wrong.txt'
IDS = ['a', 'b_2', 'c']
CLASSES = ('background', 'cat', 'potted plant', 'cow')
OUTSIDE = ['../../etc/passwd', '/etc/passwd', '2007_000000/../../../x', '..',
           'a\\..\\..\\x', 's3://bucket/x']
FUZZ = settings(deadline=None, max_examples=150, derandomize=True,
                database=None,
                suppress_health_check=[HealthCheck.function_scoped_fixture])


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def bombs(path):
    """Files that are no lists; some run code if they are unpickled."""
    result = {f'pickle {protocol}': pickle.dumps(Bomb(path), protocol)
              for protocol in range(2, 6)}
    for name, write in (
            ('npy', lambda f: np.save(f, np.array([Bomb(path)], object))),
            ('npz', lambda f: np.savez(f, a=np.array([Bomb(path)], object))),
            ('pth', lambda f: torch.save(Bomb(path), f)),
            ('zip', lambda f: zipfile.ZipFile(f, 'w').writestr('1_8.txt',
                                                               '2007_1'))):
        buffer = io.BytesIO()
        write(buffer)
        result[name] = buffer.getvalue()
    return result


BOMBS = list(bombs(Path()))


@pytest.fixture(autouse=True)
def _no_collection(monkeypatch):
    """A data set collects garbage when it is built, half a second here."""
    monkeypatch.setattr(gc, 'collect', lambda: 0)


@pytest.fixture()
def tools(monkeypatch):
    """Import a module of the tools."""
    monkeypatch.syspath_prepend(ROOT / 'tools')
    monkeypatch.syspath_prepend(ROOT / 'tools' / 'dataset_converters')
    return importlib.import_module


@pytest.fixture(params=BOMBS)
def bomb(request, tmp_path):
    """Content of a file; what it would make must not be there at the end."""
    crater = tmp_path / 'crater'
    yield bombs(crater)[request.param]
    assert not crater.exists()


def build(voc_root, part, content):
    """The toy data set, one part of which reads this list."""
    (voc_root / LIST).write_bytes(content)
    cfg = tiny_dataset(voc_root)
    cfg[part]['ann_file'] = LIST
    return DATASETS.build(cfg)


@pytest.mark.parametrize('name', [*OUTSIDE, '', 'x' * 256, '2007_0000\x0000'])
@pytest.mark.parametrize('part', ['labeled', 'unlabeled'])
def test_a_list_cannot_lead_out_of_its_folder(voc_root, part, name):
    with pytest.raises(ValueError) as error:
        build(voc_root, part, f'2007_000000\r\n{name}\r\n2007_1\n'.encode())
    assert f'{voc_root / LIST}, line 2: ' in str(error.value)
    assert len(str(error.value)) < 500


def test_folders_blanks_and_dots_in_names_stay_allowed(voc_root):
    names = ['frankfurt/frankfurt_000000_000294', 'a..b', '..c', 'my image',
             './x', 'ü/日本', '...']
    dataset = build(voc_root, 'unlabeled', '\r\n'.join(names).encode())
    assert [dataset.get_data_info(4 + i)['img_path']
            for i in range(len(names))] == [
        f'{voc_root}/JPEGImages/{name}.jpg' for name in names]


def test_a_byte_order_mark_is_told(voc_root):
    with pytest.raises(ValueError, match='line 1: begins with a byte order'):
        build(voc_root, 'labeled', '2007_000000\n'.encode('utf-8-sig'))


@pytest.mark.parametrize('encoding, cause', [
    ('utf-16', 'line 1: is text in UTF-16'),
    ('utf-32', 'line 1: is text in UTF-32'),
    ('utf-16-le', 'line 1: holds the character'),
    ('latin-1', 'line 2: the byte 0xe9 is not text in UTF-8')])
def test_other_encodings_are_named_with_the_remedy(voc_root, encoding, cause):
    content = '2007_000000\r\ncaf\u00e9\r\n'.encode(encoding)
    if encoding == 'utf-16-le':
        content = '2007_000000\r\n'.encode(encoding)
    with pytest.raises(ValueError, match=f'{LIST}, {cause}.*UTF-8'):
        build(voc_root, 'unlabeled', content)
    (voc_root / 'tags.txt').write_bytes(content)
    with pytest.raises(ValueError, match=rf'tags\.txt, {cause}.*UTF-8'):
        DATASETS.build(tiny_dataset(voc_root, tag_file='tags.txt'))


def test_tags_with_a_byte_order_mark_are_read(voc_root):
    (voc_root / 'tags.txt').write_bytes('\r\n'.join(
        f'2007_{i:06d} cat' for i in range(20)).encode('utf-8-sig'))
    dataset = DATASETS.build(tiny_dataset(voc_root, tag_file='tags.txt'))
    assert dataset.image_labels.sum() == 20


def test_what_is_no_text_is_refused_unopened(voc_root, bomb, tools):
    with pytest.raises(ValueError, match=f'{LIST}, line .* plain text'):
        build(voc_root, 'unlabeled', bomb)
    (voc_root / 'tags.txt').write_bytes(bomb)
    with pytest.raises(ValueError, match=r'tags\.txt, line .* plain text'):
        DATASETS.build(tiny_dataset(voc_root, tag_file='tags.txt'))
    files, rules = tools('split_files'), tools('split_rules')
    source = voc_root / 'source'
    source.mkdir()
    (source / '1_8.txt').write_bytes(bomb)
    with pytest.raises(rules.SplitError, match=r'1_8\.txt: is no list'):
        files.read_published(source)
    (voc_root / 'ImageSets/Segmentation/val.txt').write_bytes(bomb)
    with pytest.raises(rules.SplitError, match=r'val\.txt: is no list'):
        files.read_root_list(voc_root, 'val')
    # What stands where a list is to be written is neither read nor lost.
    there = voc_root / 'x' / 's' / '1_8.txt'
    there.parent.mkdir(parents=True)
    there.write_bytes(bomb)
    with pytest.raises(rules.SplitError, match='holds another list'):
        files.write_lists(voc_root, {'s': {'1_8': ['a']}}, False, Path('x'))
    assert there.read_bytes() == bomb


def test_a_pickle_that_is_text_names_images_that_are_not_there(
        voc_root, tmp_path):
    # Protocol 0 is ASCII: nothing tells it from a list but its use.
    content = pickle.dumps(Bomb(tmp_path / 'crater'), 0)
    with pytest.raises((ValueError, FileNotFoundError), match='wrong|posix'):
        build(voc_root, 'unlabeled', content)[4]
    (voc_root / 'tags.txt').write_bytes(content)
    with pytest.raises(ValueError, match=r'tags\.txt, line 1: image .cposix'):
        DATASETS.build(tiny_dataset(voc_root, tag_file='tags.txt'))
    assert not (tmp_path / 'crater').exists()


@pytest.mark.parametrize('name', OUTSIDE[:5])
def test_tools_refuse_names_that_lead_out(voc_root, tools, tmp_path, name):
    rules = tools('split_rules')
    (voc_root / 'ImageSets/Segmentation/trainaug.txt').write_text(
        f'2007_000000\n{name}\n')
    with pytest.raises(rules.SplitError, match='trainaug.txt.* leads out of'):
        tools('voc_splits').read_pool(SimpleNamespace(
            data_root=voc_root, pool='trainaug'))
    cfg = Config(dict(test_dataloader=dict(dataset=dict(
        type='PascalVOCDataset', data_root=str(voc_root), pipeline=[],
        data_prefix=dict(img_path='JPEGImages')))))
    with pytest.raises(SystemExit, match='trainaug.txt, line 2: .*leads out'):
        tools('generate_pseudo_labels').select_images(
            cfg, 'ImageSets/Segmentation/trainaug.txt', tmp_path / 'out')


@pytest.mark.parametrize('path', ['/data/../../etc/passwd.jpg', '/x/...jpg',
                                  '/data/frankfurt/image.jpg', 'image'])
def test_pseudo_labels_stay_in_their_folder(tmp_path, path):
    folder = tmp_path / 'a' / 'b' / 'masks'
    metric = METRICS.build(dict(type='PseudoLabelWriter',
                                out_dir=str(folder)))
    metric.dataset_meta = dict(classes=('a', 'b'))
    metric.process({}, [dict(img_path=path, seg_logits=dict(
        data=torch.zeros(2, 3, 3)))])
    files = [file for file in tmp_path.rglob('*') if file.is_file()]
    assert len(files) == 1 and files[0].parent == folder


def test_coco_annotations_that_would_fill_disk_or_memory(tools, tmp_path):
    rules, files = tools('coco_rules'), tools('coco_files')
    for entry in (dict(id=10**12, height=3, width=3),
                  dict(id=1, height=10**6, width=3), dict(id=-1, height=1,
                                                          width=1)):
        with pytest.raises(rules.SplitError, match='at most 12 digits'):
            rules.parse_images([entry], 'f.json')
    assert rules.parse_images([dict(id=10**12 - 1, height=65535, width=1)],
                              'f.json')
    (tmp_path / 'annotations').mkdir()
    path = tmp_path / 'annotations' / 'instances_x.json'
    for content in (b'[' * 100000, b'\xff\xfe', b'\x80\x04', b''):
        path.write_bytes(content)
        with pytest.raises(rules.SplitError, match='instances_x.json'):
            files.read_instances(tmp_path, 'x')


def test_a_mask_that_would_fill_the_memory(tools, tmp_path, monkeypatch):
    files, rules = tools('split_files'), tools('split_rules')
    monkeypatch.setattr(files.Image, 'MAX_IMAGE_PIXELS', 4)
    files.Image.new('L', (5, 5)).save(tmp_path / 'a.png')
    with pytest.raises(rules.SplitError, match=r'a\.png: cannot be read'):
        files.mask_values('a', tmp_path)


garbage = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=60).map(lambda text: text.encode('utf-8', 'replace')),
    st.lists(st.sampled_from(
        ['a', 'b_2', 'c', 'cat', 'potted plant', 'cow', ' ', '\t', '\n',
         '\r\n', '\r', '\0', '\ufeff', '\x85', '\u2028', '\x0c', '/', '..',
         'x' * 5000]), max_size=20).map(lambda parts: ''.join(parts).encode()))


@FUZZ
@given(content=garbage)
@example(content=b'a\r\nb_2\r\nc\r\n')
@example(content='\ufeffa\nb_2\nc\n'.encode())
@example(content=b'a\nb_2\0\nc')
@example(content=b'a\nb_2 ' + b'cat ' * 50000 + b'\nc')
def test_any_tag_file_is_read_or_refused_by_name(tmp_path, content):
    path = tmp_path / 'tags.txt'
    path.write_bytes(content)
    try:
        labels = read_tag_file(str(path), IDS, CLASSES)
    except ValueError as error:
        assert str(error).startswith(str(path)) and len(str(error)) < 600
        return
    # An oracle: words of each line, by another way to split.
    lines = content.decode('utf-8-sig').replace('\r\n', '\n').replace(
        '\r', '\n')
    told = {}
    for line in lines.split('\n'):
        words = [word.strip() for word in (
            line.split('\t') if '\t' in line else line.split())]
        words = list(filter(None, words))
        if words:
            told[words[0]] = set(words[1:])
    assert set(told) == set(IDS)
    assert labels.tolist() == [
        [int(name in told[i]) for name in CLASSES[1:]] for i in IDS]


@FUZZ
@given(rows=st.permutations(range(3)), end=st.sampled_from(
           ['\n', '\r\n', '\r']), blanks=st.sampled_from(['', '\n', ' \t\n']),
       shown=st.lists(st.sets(st.integers(1, 3)), min_size=3, max_size=3))
def test_what_was_written_is_read(tmp_path, rows, end, blanks, shown):
    path = tmp_path / 'tags.txt'
    path.write_bytes((blanks + end.join('\t'.join(
        [IDS[i], *(CLASSES[k] for k in shown[i])]) + '\t' for i in rows)
        + blanks).encode())
    assert read_tag_file(str(path), IDS, CLASSES).tolist() == [
        [int(k in shown[i]) for k in (1, 2, 3)] for i in range(3)]


@FUZZ
@given(content=garbage)
@example(content=b'frankfurt/x\r\ny\n')
@example(content=b'a\n../x\n')
@example(content=b'a\n\n')
def test_any_list_is_taken_as_stock_reads_it_or_refused_by_name(
        tmp_path, content):
    path = tmp_path / 'list.txt'
    path.write_bytes(content)
    try:
        check_list(str(path))
    except ValueError as error:
        assert str(error).startswith(f'{path}, line ')
        assert len(str(error)) < 600
        return
    names = [line.strip() for line in list_from_file(str(path))]
    assert names == [line.strip() for line in read_lines(str(path))]
    for name in names:
        joined = posixpath.normpath(posixpath.join('/in/side', name + '.jpg'))
        assert joined.startswith('/in/side/') and '\0' not in name


@FUZZ
@given(name=st.from_regex(PLAIN, fullmatch=True))
@example(name='/'.join(['a' * 255] * 15))
def test_what_passes_at_a_glance_passes_the_check(name):
    check_name(name, 'here')


@pytest.mark.parametrize('name', [
    '', '..', '../a', 'a/..', 'a/../b', '/a', 'a//b', '.a', 'C:/a', 's3://a',
    'a\\b', 'a\n', '\u00e9', 'a' * 256, '/'.join(['a'] * 16)])
def test_a_glance_is_not_enough(name):
    assert not PLAIN.fullmatch(name)


@FUZZ
@given(names=st.lists(st.from_regex(r'\A[a-z0-9_-]{1,9}(/[a-z0-9_.]{1,9}x)?\Z'),
                      min_size=1))
def test_good_names_are_not_refused(names):
    for name in names:
        check_name(name, 'here')


@FUZZ
@given(content=garbage)
def test_any_list_of_a_tool_is_read_or_refused_by_name(tmp_path, tools,
                                                       content):
    files, rules = tools('split_files'), tools('split_rules')
    folder = tmp_path / files.LISTS
    folder.mkdir(parents=True, exist_ok=True)
    for path, read in (
            (folder / 'val.txt', lambda: files.read_root_list(tmp_path,
                                                              'val')),
            (tmp_path / '1_8.txt', lambda: files.read_published(tmp_path))):
        path.write_bytes(content)
        try:
            ids = read()
        except rules.SplitError as error:
            assert path.name in str(error)
            continue
        assert path.name == 'val.txt'  # garbage has not the checksum
        assert ids == list(dict.fromkeys(ids)) and all(ids)
        assert not any(i.startswith('/') or '..' in i.split('/') for i in ids)
