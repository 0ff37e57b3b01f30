"""What ``torch.load`` may find in MMEngine's checkpoints.

MMEngine saves its message hub with the weights. From torch 2.6 on, ``load``
refuses the classes in it; allow-listing exactly these keeps the protection.
Before, it refuses nothing, and reads with an unpickler of ours. MMEngine's
own loaders are not asked: those of onedl-mmengine answer a refusal by loading
the file without protection.
"""

import os
import os.path as osp
import re
import zipfile
from typing import Any, Callable, Optional, Union
from urllib.parse import urlparse

import numpy as np
import torch
from mmengine import dist
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.utils import digit_version

from . import restricted_pickle
from .restricted_pickle import history_attribute, numpy_functions

PROTECTED = digit_version(torch.__version__) >= digit_version('2.6')


def allow_mmengine_checkpoints() -> None:
    """Check and load files as here; allow-list the harmless globals.

    Before torch 2.6 there is no list that does: see :mod:`restricted_pickle`.
    """
    CheckpointLoader.register_scheme('', load_from_local, force=True)
    CheckpointLoader.register_scheme(['http://', 'https://'], load_from_http,
                                     force=True)
    # 2.4 and 2.5 have the list, but fail on its pairs (function, name).
    if not PROTECTED:
        return
    dtypes = [
        getattr(np.dtypes, name) for name in dir(np.dtypes)
        if name.endswith('DType')
    ] if hasattr(np, 'dtypes') else []
    torch.serialization.add_safe_globals([
        HistoryBuffer, np.ndarray, np.dtype, *dtypes,
        *((function, name) for name, function in numpy_functions().items()),
        (history_attribute, 'builtins.getattr')
    ])


def find_damage(filename: str) -> Optional[str]:
    """What is wrong with a checkpoint file, as far as its archive tells.

    ``torch.save`` writes a zip archive with a check sum for each tensor, which
    ``torch.load`` does not read: it would return flipped bits as weights.

    Args:
        filename (str): Path of the file.

    Returns:
        str | None: The damage; None for a whole archive, and for a file of
            torch's old format, which has no check sums.

    Raises:
        OSError: If the file cannot be read.
    """
    with open(filename, 'rb') as file:
        starts_as_zip = file.read(4) == b'PK\x03\x04'
        if not starts_as_zip and not zipfile.is_zipfile(file):
            return None
    try:
        with zipfile.ZipFile(filename) as archive:
            if any(record.compress_type for record in archive.infolist()):
                return 'it is compressed, which torch.save never does'
            bad = archive.testzip()
    except Exception as error:  # a flipped bit finds any of zipfile's errors
        return f'it is cut short or damaged ({error})'
    return bad and f'the check sum of {bad} in it is wrong'


def last_whole_checkpoint(filename: str) -> Optional[str]:
    """The newest undamaged checkpoint up to one, beside it.

    Args:
        filename (str): Its path, such as ``DIR/iter_30.pth``; it need not be
            there.

    Returns:
        str | None: A path that differs in the number alone, if there is one.
    """
    folder, name = osp.split(filename)
    parts = re.fullmatch(r'(.*?)(\d+)(\D*)', name)
    if not parts or not osp.isdir(folder or '.'):
        return None
    steps = {}
    for other in os.listdir(folder or '.'):
        found = re.fullmatch(
            re.escape(parts[1]) + r'(\d+)' + re.escape(parts[3]), other)
        if found and int(found[1]) <= int(parts[2]):
            steps[int(found[1])] = osp.join(folder, other)
    for step in sorted(steps, reverse=True):
        path = steps[step]
        if zipfile.is_zipfile(path) and find_damage(path) is None:
            return path
    return None


def offer_whole_checkpoint(filename: str) -> str:
    """A sentence that tells what to load in place of a bad checkpoint."""
    whole = last_whole_checkpoint(filename)
    if whole is None:
        return 'There is no undamaged checkpoint of an earlier iteration there'
    return (f'The last undamaged one there is {whole}: to continue from it '
            f'pass --resume {whole}')


def load_from_local(filename: str,
                    map_location: Union[str, Callable, None] = None) -> dict:
    """Load a checkpoint file that is whole and holds no code.

    The stock loader of the same name does not look for damage, and lets
    torch's errors through, which name neither the file nor a safe remedy.
    ``meta.config``, where MMCV 1.x kept a config's text, is left out: nobody
    needs it, and MMEngine's ``Runner.resume`` would run it as Python.

    Args:
        filename (str): Path of the file.
        map_location (str | Callable, optional): As in ``torch.load``.

    Returns:
        dict: The checkpoint.

    Raises:
        FileNotFoundError: If there is no such file.
        RuntimeError: If the file holds more than weights and MMEngine's
            records, or is damaged.
    """
    path = osp.expanduser(filename)
    if not osp.isfile(path):
        raise FileNotFoundError(f'{filename} can not be found.')
    damage = find_damage(path)
    if damage:
        raise RuntimeError(f'{filename} was not loaded: {damage}. '
                           f'{offer_whole_checkpoint(path)}')
    protection: Any = dict(weights_only=True) if PROTECTED else dict(
        pickle_module=restricted_pickle)
    try:
        content = torch.load(path, map_location, **protection)
    except Exception as error:  # unpicklers raise whatever they stumble on
        raise RuntimeError(_refusal(filename, error)) from error
    if isinstance(content, dict) and isinstance(content.get('meta'), dict):
        content['meta'].pop('config', None)
    return content


def load_from_http(filename: str,
                   map_location: Union[str, Callable, None] = None) -> dict:
    """Download a checkpoint, unless it is there, and load it as here.

    The stock loader of the same name leaves the loading to ``torch.hub``,
    which does not refuse code.

    Args:
        filename (str): Its URL; the file lies below ``torch.hub.get_dir()``
            afterwards.
        map_location (str | Callable, optional): As in ``torch.load``.

    Returns:
        dict: The checkpoint.

    Raises:
        RuntimeError: As :func:`load_from_local`, or if it cannot be fetched.
    """
    path = osp.join(torch.hub.get_dir(), 'checkpoints',
                    osp.basename(urlparse(filename).path))
    for rank_zero in (True, False):  # it downloads, the others find the file
        if (dist.get_rank() == 0) == rank_zero and not osp.exists(path):
            os.makedirs(osp.dirname(path), exist_ok=True)
            try:
                torch.hub.download_url_to_file(filename, path, progress=False)
            except OSError as error:
                raise RuntimeError(
                    f'{filename} could not be downloaded ({error}); without a '
                    f'network, put the file at {path}') from error
        if rank_zero:
            dist.barrier()
    return load_from_local(path, map_location)


def _refusal(filename: str, error: Exception) -> str:
    """What to tell about an error of ``torch.load``."""
    text = str(error)
    found = re.search(r'GLOBAL (\S+) (?:was not|whose module)', text)
    if found or isinstance(error, ValueError):
        what = f'it holds {found[1]}' if found else text.split('\n')[0]
        return (f'{filename} was not loaded: {what}. A checkpoint may hold '
                'weights and MMEngine\'s records alone, since loading '
                'anything else can run code. Save it anew with '
                'dict(state_dict=...), or take the file from its source again')
    if isinstance(error, RuntimeError) and 'weights_only' not in text:
        return f'{filename} was not loaded: {text}'  # such as a full device
    return (f'{filename} was not loaded: it is no checkpoint of torch.save, '
            f'or is damaged ({type(error).__name__}). '
            f'{offer_whole_checkpoint(osp.expanduser(filename))}')
