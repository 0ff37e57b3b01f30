"""Checkpoint files that are there whole or not at all."""

import os
import os.path as osp
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Union

import mmengine
from mmengine.fileio import LocalBackend, register_backend

UNFINISHED = '.unfinished'
_ZIP = b'PK\x03\x04'  # how a file of torch.save begins


def write_whole(path: str, content: bytes) -> None:
    """Write a file that nobody ever sees half written.

    It is written and flushed to the disk beside its place, and renamed. A
    process that is killed before that leaves ``PATH.PID.unfinished`` and
    whatever was at ``path``.

    Args:
        path (str): The file; a link keeps pointing to the same place.
        content (bytes): What it is to hold.

    Raises:
        OSError: Naming ``path`` and the space left, with what to do.
    """
    path = osp.realpath(path)
    unfinished = f'{path}.{os.getpid()}{UNFINISHED}'
    try:
        with open(unfinished, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        with suppress(OSError):
            os.remove(unfinished)
        raise _explain(error, path, len(content)) from error
    with suppress(OSError):  # some network file systems refuse it
        folder = os.open(osp.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _explain(error: OSError, path: str, size: int) -> OSError:
    """The same error, with what its reader needs to know."""
    try:
        free = shutil.disk_usage(osp.dirname(path)).free
        space = f', and {free / 1e6:.1f} MB are free there'
    except OSError:
        space = ''
    return OSError(
        error.errno,
        f'{path} was not saved: {error.strerror}. It takes {size / 1e6:.1f} '
        f'MB{space}. The checkpoints saved before are untouched: make room, '
        'or copy them to another work_dir, and continue with --resume')


@register_backend('local', prefixes='', force=True)
class WholeFileBackend(LocalBackend):
    """Local files, where what ``torch.save`` made is written whole.

    MMEngine's ``save_checkpoint`` hands the bytes to the storage that is
    registered for plain paths. The stock one overwrites the file in place: a
    kill or a full disk leaves half of it under the checkpoint's name.
    Anything but checkpoints is written as before.
    """

    def put(self, obj: bytes, filepath: Union[str, Path]) -> None:
        """Write ``obj`` to ``filepath``; see :func:`write_whole`."""
        special = osp.exists(filepath) and not osp.isfile(filepath)
        if special or bytes(obj[:4]) != _ZIP:
            super().put(obj, filepath)
            return
        mmengine.mkdir_or_exist(osp.dirname(filepath))
        write_whole(str(filepath), obj)
