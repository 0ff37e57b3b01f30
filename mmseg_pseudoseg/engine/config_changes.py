"""What differs between two configs, told from their text alone."""

import ast
from typing import Dict, List

# What a resumed run may change without another training: where it runs, from
# where it goes on, what it shows. ``tools/_plan.py`` has such a list, too.
NOT_COMPARED = ('work_dir', 'resume', 'load_from', 'launcher', 'env_cfg',
                'model_wrapper_cfg', 'tta_', 'visualizer', 'vis_backends',
                'log_level', 'log_processor', 'experiment_name')
_ABSENT = '(not there)'


def _parts(node: ast.expr) -> Dict[object, ast.expr]:
    """What a dict, or a list of more than plain values, consists of."""
    parts: Dict[object, ast.expr] = {}
    if isinstance(node, ast.Call) and ast.unparse(node.func) == 'dict':
        for value in node.args:  # keys that are no names
            parts.update(_parts(value))
        parts.update({word.arg: word.value for word in node.keywords})
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values):
            parts[getattr(key, 'value', key)] = value
    elif isinstance(node, (ast.List, ast.Tuple)) and not all(
            isinstance(item, ast.Constant) for item in node.elts):
        parts.update(enumerate(node.elts))
    return parts


def _flatten(node: ast.expr, key: str, flat: Dict[str, str]) -> None:
    """Put the leaves below ``node`` into ``flat``, under dotted keys."""
    parts = _parts(node)
    for name, value in parts.items():
        _flatten(value, f'{key}.{name}', flat)
    if not parts:
        flat[key] = ast.unparse(node)


def read_leaves(text: str) -> Dict[str, str]:
    """The leaves of a config's text, which is not run.

    ``Config.fromstring`` runs the text as Python, and the text of a
    checkpoint comes from a file that anyone may have written.

    Args:
        text (str): ``Config.pretty_text``.

    Returns:
        dict[str, str]: Dotted key -> value as Python writes it; a list of
            plain values is one value.

    Raises:
        ValueError: If it is not a list of assignments.
    """
    flat: Dict[str, str] = {}
    try:
        for line in ast.parse(text).body:
            if not isinstance(line, ast.Assign):
                raise ValueError(f'line {line.lineno} assigns nothing')
            _flatten(line.value, ast.unparse(line.targets[0]), flat)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(str(error)) from error
    return flat


def config_changes(before: str, now: str) -> List[str]:
    """The keys that differ, with both values.

    Args:
        before (str): ``Config.pretty_text`` of one.
        now (str): Of the other.

    Returns:
        list[str]: ``KEY: OLD -> NEW``, in the order of ``now``, without
            :data:`NOT_COMPARED`.
    """
    old, new = read_leaves(before), read_leaves(now)
    return [
        f'{key}: {old.get(key, _ABSENT)} -> {new.get(key, _ABSENT)}'
        for key in {**new, **old}
        if old.get(key) != new.get(key) and not key.startswith(NOT_COMPARED)
    ]
