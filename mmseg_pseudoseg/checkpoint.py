"""What ``torch.load`` may find in MMEngine's checkpoints.

MMEngine saves its message hub with the weights. From torch 2.6 on, ``load``
refuses the classes in it; allow-listing exactly these keeps the protection.
Before, it refuses nothing, and reads with an unpickler of ours.
"""

import os
import os.path as osp
import re
import zipfile
from typing import Callable, Optional, Union

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import load_from_local as mmengine_loader
from mmengine.utils import digit_version

from . import restricted_pickle
from .restricted_pickle import history_attribute, numpy_functions

PROTECTED = digit_version(torch.__version__) >= digit_version('2.6')


def allow_mmengine_checkpoints() -> None:
    """Check and load local files as here; allow-list the harmless globals.

    Before torch 2.6 there is no list that does: see :mod:`restricted_pickle`.
    """
    CheckpointLoader.register_scheme('', load_from_local, force=True)
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
    damage = find_damage(path) if osp.isfile(path) else None
    if damage:
        raise RuntimeError(f'{filename} was not loaded: {damage}. '
                           f'{offer_whole_checkpoint(path)}')
    try:
        content = mmengine_loader(
            filename, map_location=map_location) if PROTECTED else torch.load(
                path, map_location, pickle_module=restricted_pickle)
    except FileNotFoundError:
        raise
    except Exception as error:  # unpicklers raise whatever they stumble on
        raise RuntimeError(_refusal(filename, error)) from error
    if isinstance(content, dict) and isinstance(content.get('meta'), dict):
        content['meta'].pop('config', None)
    return content


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
