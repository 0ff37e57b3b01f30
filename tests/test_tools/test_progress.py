"""One bar on a terminal; a line now and then in a file or a pipe."""

import fcntl
import importlib
import io
import os
import pty
import struct
import termios

import pytest
from benching import tools_path  # noqa: F401  (a fixture)


@pytest.fixture()
def progress(tools_path):  # noqa: F811
    return importlib.import_module('_parallel').progress


def test_a_pipe_gets_first_and_last_line(progress):
    out = io.StringIO()
    assert list(progress(range(437), desc='masks', file=out,
                         seconds=3600)) == list(range(437))
    assert '\r' not in out.getvalue()
    first, last = out.getvalue().splitlines()
    assert first.startswith('masks:   0%') and '0/437' in first
    assert last.startswith('masks: 100%') and '437/437' in last


def test_a_pipe_gets_lines_in_between_when_it_takes_long(progress):
    out = io.StringIO()
    list(progress(iter(range(20)), 20, file=out, seconds=0))
    lines = out.getvalue().splitlines()
    assert len(lines) > 2 and all('/20' in line for line in lines)


def test_a_terminal_gets_one_bar(progress):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
    with open(theirs, 'w') as out:
        assert out.isatty()
        assert list(progress(range(437), file=out)) == list(range(437))
    text = os.read(ours, 2**16).decode()
    os.close(ours)
    assert text.count('\n') == 1 and text.endswith('\n')
    states = text.strip().split('\r')
    assert len(states) > 1 and '0/437' in states[0]
    assert states[-1].startswith('100%') and '437/437' in states[-1]


def test_an_error_of_the_loop_passes(progress):
    out = io.StringIO()
    with pytest.raises(ValueError, match='mask 7'):
        for item in progress(range(9), file=out, seconds=3600):
            if item == 7:
                raise ValueError('mask 7')
    assert '0/9' in out.getvalue()


def test_stderr_unless_told(progress, capsys):
    assert list(progress('ab')) == ['a', 'b']
    streams = capsys.readouterr()
    assert '2/2' in streams.err and not streams.out
