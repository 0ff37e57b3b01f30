"""Whatever bytes a checkpoint has, it is refused by name or loads whole."""

import io
import os
import pickle
import sys
import zipfile
from contextlib import contextmanager

import pytest
import torch
from conftest import VOC_LISTS, read_checkpoint, tiny_run, write_voc
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader, Runner

from mmseg_pseudoseg.checkpoint import find_damage

ROUNDS = settings(max_examples=100, deadline=None, derandomize=True,
                  database=None)


class Call:
    """Pickles as a call of ``os.system``."""

    def __reduce__(self):
        """What the unpickler is to do."""
        return os.system, ('true', )


_forbidden = []
_watching = False


def _audit(event, args):
    """Note what loading has no business to do; stays for good."""
    if _watching and (event in ('os.system', 'os.exec', 'os.fork', 'os.remove',
                                'os.posix_spawn', 'subprocess.Popen',
                                'socket.connect') or event == 'open' and
                      isinstance(args[1], str) and set(args[1]) & set('wax+')):
        _forbidden.append((event, args))


sys.addaudithook(_audit)


@contextmanager
def watched():
    """Fail if the body runs, writes or sends something."""
    global _watching
    _watching = True
    try:
        yield
    finally:
        _watching = False
    assert not _forbidden


def same(one, other):
    """Whether two loaded things are equal, down to the bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other) and one.dtype == other.dtype
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            same(value, other[key]) for key, value in one.items())
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, HistoryBuffer):
        return [list(x) for x in one.data] == [list(x) for x in other.data]
    return type(one) is type(other) and pickle.dumps(one) == pickle.dumps(
        other)


def load(path):
    """What the file holds, or None if it was refused as it should be."""
    try:
        with watched():
            return CheckpointLoader.load_checkpoint(str(path), 'cpu')
    except RuntimeError as error:
        assert str(path) in str(error)
        assert 'weights_only' not in str(error)  # torch's advice
        return None


@pytest.fixture(scope='module')
def original(tmp_path_factory):
    """Bytes and content of a checkpoint with all parts, and few weights."""
    root = tmp_path_factory.mktemp('fuzz')
    write_voc(root, VOC_LISTS)
    write_voc(root, VOC_LISTS, folder='SegmentationClassAug')
    Runner(**tiny_run(root, root / 'run', max_iters=1)).train()
    content = read_checkpoint(root / 'run' / 'iter_1.pth')
    for part in (content['state_dict'], content['optimizer']['state']):
        for key in list(part)[3:]:
            del part[key]
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue(), content


@ROUNDS
@given(data=st.data())
def test_flipped_bits(original, tmp_path_factory, data):
    content, expected = original
    path = tmp_path_factory.getbasetemp() / 'flipped.pth'
    size = len(content)
    at = st.one_of(st.integers(0, size - 1), st.integers(0, 400),
                   st.integers(size - 4000, size - 1))
    damaged = bytearray(content)
    for position, bit in data.draw(st.lists(
            st.tuples(at, st.integers(0, 7)), min_size=1, max_size=3)):
        damaged[position] ^= 1 << bit
    path.write_bytes(damaged)
    loaded = load(path)
    assert loaded is None or same(loaded, expected)


@ROUNDS
@given(data=st.data())
def test_cut_files(original, tmp_path_factory, data):
    content = original[0]
    path = tmp_path_factory.getbasetemp() / 'cut.pth'
    path.write_bytes(content[:data.draw(st.integers(0, len(content) - 1))])
    assert load(path) is None


@ROUNDS
@given(start=st.sampled_from([b'', b'PK\x03\x04', b'\x80\x02', b'PK\x05\x06']),
       rest=st.binary(max_size=300))
@example(start=b'', rest=pickle.dumps(Call()))
def test_random_bytes(tmp_path_factory, start, rest):
    path = tmp_path_factory.getbasetemp() / 'random.pth'
    path.write_bytes(start + rest)
    assert load(path) is None


@ROUNDS
@given(data=st.data())
def test_hostile_pickles_in_a_whole_archive(original, tmp_path_factory, data):
    # All check sums are right: torch's unpickler is what stands in the way.
    path = tmp_path_factory.getbasetemp() / 'hostile.pth'
    with zipfile.ZipFile(io.BytesIO(original[0])) as source, \
            zipfile.ZipFile(path, 'w') as target:
        for record in source.namelist():
            content = bytearray(source.read(record))
            if record.endswith('data.pkl'):
                for position, byte in data.draw(st.lists(st.tuples(
                        st.integers(0, len(content) - 1),
                        st.integers(0, 255)), min_size=1, max_size=4)):
                    content[position] = byte
            target.writestr(record, bytes(content))
    assert find_damage(str(path)) is None
    load(path)
