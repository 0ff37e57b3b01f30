"""One sentence in place of a traceback, for causes outside this package."""

import os
import traceback
from contextlib import contextmanager
from http.client import HTTPException
from importlib.metadata import version
from types import FrameType
from typing import Any, Iterator, List, Optional, Tuple
from urllib.error import URLError

from mmengine.model import PretrainedInit

from ..models.backbones import WeightsError

UNREACHABLE = (URLError, HTTPException, ConnectionError, TimeoutError)


@contextmanager
def ending_in_a_sentence() -> Iterator[None]:
    """End a tool with a sentence alone where there is one for its error.

    Raises:
        SystemExit: With the sentence. Other errors pass as they are.
    """
    try:
        yield
    except Exception as error:
        sentence = explain_weights(error) or explain_mmpretrain(error)
        if sentence is None:
            raise
        raise SystemExit(f'error: {sentence}') from error


def chain(error: Optional[BaseException]) -> List[BaseException]:
    """An error and those it comes from."""
    errors = []
    while error is not None:
        errors.append(error)
        error = error.__cause__ or error.__context__
    return errors


def frames(error: BaseException) -> List[FrameType]:
    """The calls that ended in an error, outermost first."""
    return [frame for frame, _ in traceback.walk_tb(error.__traceback__)]


def explain_weights(error: BaseException) -> Optional[str]:
    """What to do about initial weights that cannot be had.

    Args:
        error (BaseException): Of ``init_weights``, or of ``Runner``, which
            loads ``load_from``.

    Returns:
        str | None: Key, cause and remedy; None if it is another error.
    """
    for one in chain(error):
        if isinstance(one, WeightsError):
            return str(one)
    found = [one for one in chain(error)
             if isinstance(one, (*UNREACHABLE, FileNotFoundError))]
    if not found:
        return None
    calls = frames(error)
    key, path = weights_in(calls)
    if not path:
        return None
    if isinstance(found[0], FileNotFoundError):
        return f'{key}={path!r}: there is no such file'
    url = next((call.f_locals['url'] for call in reversed(calls)
                if call.f_code.co_name == 'load_state_dict_from_url'), path)
    cause = ' '.join(str(found[0]).split())
    return (f'{key}={path!r} could not be downloaded ({cause}): fetch {url} '
            f'elsewhere and set {key} to the path of the file')


def weights_in(calls: List[FrameType]) -> Tuple[str, str]:
    """Which weights were being loaded.

    Args:
        calls (list[FrameType]): Of an error.

    Returns:
        tuple[str, str]: Their key in the config, and its value; both are
        empty where none were.
    """
    model: Any = None
    for call in calls:
        names = call.f_locals
        one: Any = names.get('self')
        if call.f_code.co_name == 'load_or_resume':
            return 'load_from', one.cfg.get('load_from')
        if call.f_code.co_name == 'init_weights':
            model = model or one
        if isinstance(one, PretrainedInit) and 'module' in names:
            module = names['module']
            if getattr(module, 'pretrained', None) == one.checkpoint:
                return 'model.pretrained', one.checkpoint
            place = next((name for name, part in model.named_modules()
                          if part is module), '') if model else ''
            key = '.'.join(filter(None, ['model', place, 'init_cfg']))
            return f'{key}.checkpoint', one.checkpoint
    return '', ''


def explain_mmpretrain(error: BaseException) -> Optional[str]:
    """What to do where mmpretrain cannot be imported.

    With ``pycocotools`` and ``transformers`` installed it imports multimodal
    models, which need names that ``transformers`` has given up; one of those
    imports has a bare ``except`` and ends in a base class ``None``. Nobody
    needs these models for a backbone.

    Args:
        error (BaseException): Of the import.

    Returns:
        str | None: Cause and remedy; None if it is another error.
    """
    for one in chain(error):
        if isinstance(one, ModuleNotFoundError) and str(
                one.name).split('.')[0] == 'mmpretrain':
            return ('the config has a model of mmpretrain, which is not '
                    'installed: pip install "mmpretrain>=1.2.0,<2.0"')
        places = [call.f_code.co_filename.split(os.sep)
                  for call in frames(one)]
        if any('mmpretrain' in place and (
                'multimodal' in place or place[-1] in (
                    'huggingface.py', 'tokenizer.py')) for place in places):
            return (
                f'mmpretrain {version("mmpretrain")} cannot be imported '
                f'beside transformers {version("transformers")} '
                f'({type(one).__name__}: {one}): where pycocotools is there '
                'too, it loads multimodal models, which are made for '
                'transformers before 4.52; its backbones need neither, so '
                '"pip uninstall transformers" here, or pip install '
                '"transformers<4.52"')
    return None
