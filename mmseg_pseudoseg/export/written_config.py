"""The config that a checkpoint carries."""

import ast
from typing import Any, Dict

from mmengine.config import Config


def read_config(text: str) -> Config:
    """The config that a checkpoint carries, read and not run.

    ``Config.fromstring`` would run it as Python, and a checkpoint comes from
    anywhere.

    Args:
        text (str): ``Config.pretty_text``: assignments of plain values.

    Returns:
        Config: Without a file name.

    Raises:
        ValueError: If there is more in it than plain values, or no model.
    """
    values: Dict[str, Any] = {}
    try:
        for line in ast.parse(text).body:
            if not isinstance(line, ast.Assign):
                raise ValueError(f'line {line.lineno} is no assignment')
            values[ast.unparse(line.targets[0])] = _value(line.value)
    except (SyntaxError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if 'model' not in values:
        raise ValueError('there is no model in it')
    return Config(values)


def _value(node: ast.expr) -> Any:
    """A plain value; ``dict(...)`` is the only call."""
    if isinstance(node, (ast.List, ast.Tuple)):
        items = [_value(item) for item in node.elts]
        return items if isinstance(node, ast.List) else tuple(items)
    if isinstance(node, ast.Dict):
        return {_value(key): _value(value)
                for key, value in zip(node.keys, node.values) if key}
    if isinstance(node, ast.Call) and ast.unparse(node.func) == 'dict':
        result: Dict[Any, Any] = {}
        for part in node.args:
            result.update(_value(part))
        result.update({word.arg: _value(word.value)
                       for word in node.keywords})
        return result
    return ast.literal_eval(node)
