"""Find keys in a config that no class takes, before it is built."""

import difflib
import inspect
from itertools import takewhile
from typing import Any, Dict, List, NamedTuple

from mmengine.config import Config
from mmengine.registry import Registry
from mmseg.registry import DATASETS, HOOKS, MODELS, TRANSFORMS


class Problem(NamedTuple):
    """One contradiction in a config.

    Attributes:
        fatal (bool): Whether training cannot work with it.
        key (str): Where in the config.
        text (str): What is the matter.
        remedy (str): What to do about it.
    """

    fatal: bool
    key: str
    text: str
    remedy: str

    def __str__(self) -> str:
        return f'{self.key} {self.text}: {self.remedy}'


def accepted_keys(cls: type) -> List[str]:
    """Keys that a class takes, with those of its bases.

    Args:
        cls (type): With ``__init__(..., **kwargs)``, or without the latter.

    Returns:
        list[str]: Empty if they cannot be known.
    """
    keys: List[str] = []
    for base in inspect.getmro(cls):
        if '__init__' not in vars(base):
            continue
        try:
            params = inspect.signature(base.__init__).parameters.values()
        except (TypeError, ValueError):  # of C
            return []
        keys += [p.name for p in params if p.kind in (
            p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)][1:]
        if all(p.kind is not p.VAR_KEYWORD for p in params):
            return keys
    return []


def key_problems(cfg: Config) -> List[Problem]:
    """Keys that no class takes, with the one that each resembles."""
    roots: Dict[str, Registry] = dict(
        model=MODELS, train_dataloader=DATASETS, val_dataloader=DATASETS,
        default_hooks=HOOKS, custom_hooks=HOOKS)
    return [problem for name, registry in roots.items() if cfg.get(name)
            for problem in unknown_keys(cfg[name], name, registry)]


def unknown_keys(node: Any, key: str, registry: Registry) -> List[Problem]:
    """Unknown keys of a node and of all below it.

    Args:
        node (Any): Of a config.
        key (str): Its place.
        registry (Registry): Where ``type`` is looked up.
    """
    result: List[Problem] = []
    if isinstance(node, (list, tuple)):
        for i, item in enumerate(node):
            result += unknown_keys(item, f'{key}.{i}', registry)
    if not isinstance(node, dict):
        return result
    cls: Any = node.get('type')
    cls = registry.get(cls) if isinstance(cls, str) else cls
    known = accepted_keys(cls) if inspect.isclass(cls) else []
    for name, value in node.items():
        if known and name not in (*known, 'type', '_scope_', '_delete_'):
            result += unknown_key(cls, known, key, name)
        elif name in ('pipeline', 'views'):
            result += unknown_keys(value, f'{key}.{name}', TRANSFORMS)
        elif not name.endswith(('_cfg', 'sampler')):
            result += unknown_keys(value, f'{key}.{name}', registry)
    return result


def unknown_key(cls: type, known: List[str], key: str,
                name: str) -> List[Problem]:
    """What to say of a key that a class does not know.

    A stock class with ``**kwargs``, also as a base, may hand the key on to
    code that is not seen here (``TIMMBackbone``): there it must resemble one
    that is known.
    """
    inits = [base for base in inspect.getmro(cls) if '__init__' in vars(base)]
    # What hands its own keys on; the first that does not gets them all.
    passing = list(takewhile(lambda base: any(
        p.kind is p.VAR_KEYWORD
        for p in inspect.signature(base.__init__).parameters.values()), inits))
    closed = all(base.__module__.startswith(__package__) for base in passing)
    near = difflib.get_close_matches(name, known, 1, 0.6 if closed else 0.85)
    if not near and not closed:
        return []
    return [Problem(
        True, f'{key}.{name}', f'is no key of {cls.__name__}',
        f'did you mean {key}.{near[0]}?' if near else
        f'its keys are {", ".join(dict.fromkeys(known))}')]
