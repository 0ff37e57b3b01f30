"""Every public name has a docstring that says what its code says."""

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from typing import Callable, Dict, List, Set

import pytest

import mmseg_pseudoseg

SECTIONS = ('Args', 'Attributes', 'Returns', 'Yields', 'Raises')


def public_names() -> Dict[str, object]:
    """What the package's modules name in ``__all__``, by full name."""
    found: Dict[str, object] = {}
    for info in pkgutil.walk_packages(mmseg_pseudoseg.__path__,
                                      'mmseg_pseudoseg.'):
        module = importlib.import_module(info.name)
        for name in getattr(module, '__all__', ()):
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                found[f'{thing.__module__}.{name}'] = thing
    return found


PUBLIC = public_names()


def sections(doc: str) -> Dict[str, str]:
    """Text of each section of a Google docstring."""
    parts = re.split(rf'^({"|".join(SECTIONS)}):$', doc, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def entries(section: str) -> Set[str]:
    """Names of the entries of a section."""
    return set(re.findall(r'^    (\*{0,2}\w+)(?: \([^)]*\))?:', section,
                          re.M)) | set(
        re.findall(r'^    (\*{0,2}\w+) \(', section, re.M))


def parameters(function: Callable) -> List[str]:
    """Names of the parameters, with stars."""
    stars = {inspect.Parameter.VAR_POSITIONAL: '*',
             inspect.Parameter.VAR_KEYWORD: '**'}
    return [stars.get(p.kind, '') + name for name, p in inspect.signature(
        function).parameters.items() if name not in ('self', 'cls')]


def raised(function: Callable) -> Set[str]:
    """Errors that the function itself raises, by name."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = [node.exc for node in ast.walk(tree)
             if isinstance(node, ast.Raise) and node.exc is not None]
    names = [call.func if isinstance(call, ast.Call) else call
             for call in calls]
    return {name.id for name in names
            if isinstance(name, ast.Name) and name.id[0].isupper()}


def faults(function: Callable, doc: str, returns: bool = True,
           also: str = '') -> List[str]:
    """What the docstring ``doc`` of a function lacks.

    Args:
        function (callable): The function, or a class's ``__init__``.
        doc (str): Its docstring, or the class's.
        returns (bool): Whether it must say what is returned.
        also (str): Where errors may be described as well.
    """
    parts = sections(doc)
    found = [f'parameter {name}' for name in parameters(function)
             if name not in entries(parts.get('Args', ''))]
    extra = entries(parts.get('Args', '')) - set(parameters(function))
    found += [f'{name}, which is no parameter' for name in extra]
    # A generator function that is a context manager yields nothing to tell.
    result = str(inspect.signature(function).return_annotation)
    if returns and 'None' not in re.split(r'\W', result)[:1] and not \
            result.endswith('Iterator[NoneType]') and \
            'Iterator[None]' not in result and not {
                'Returns', 'Yields'} & set(parts):
        found.append('Returns')
    told = parts.get('Raises', '') + sections(also).get('Raises', '')
    return found + [f'Raises {name}' for name in raised(function)
                    if name not in told]


def own_methods(cls: type) -> Dict[str, Callable]:
    """Public methods that the class does not take over from a base."""
    inherited = {name for base in cls.__mro__[1:] for name in vars(base)}
    methods = {}
    for name, value in vars(cls).items():
        function = getattr(value, '__func__', value)
        if not name.startswith('_') and inspect.isfunction(function) \
                and name not in inherited:
            methods[name] = function
    return methods


@pytest.mark.parametrize('name', PUBLIC)
def test_public_name(name):
    thing = PUBLIC[name]
    doc = inspect.cleandoc(thing.__doc__ or '')
    assert len(doc) > 10
    if inspect.isfunction(thing):
        assert not faults(thing, doc)
        return
    if issubclass(thing, tuple):
        assert entries(sections(doc)['Attributes']) == set(thing._fields)
    elif hasattr(thing, '__dataclass_fields__'):
        assert entries(sections(doc).get('Attributes', '') or sections(doc)[
            'Args']) == set(thing.__dataclass_fields__)
    elif '__init__' in vars(thing):
        assert not faults(thing.__init__, doc, returns=False)
    missing = {}
    for method, function in own_methods(thing).items():
        told = inspect.cleandoc(function.__doc__ or '')
        if found := faults(function, told, also=doc):
            missing[method] = found
    assert not missing
    for method, value in vars(thing).items():
        if not method.startswith('_') and callable(
                getattr(value, '__func__', value)):
            assert getattr(thing, method).__doc__, method


def test_the_public_names_are_those_that_users_meet():
    names = {name.rsplit('.', 1)[1] for name in PUBLIC}
    assert {'SemiSegmentor', 'SGCHead', 'CalibratedFusion', 'SemiDataset',
            'MultiBranch', 'ColorJitter', 'CutOut', 'propagate',
            'MultiSourceBatchSampler'} <= names


def told(a: int, *, b: int = 0, **rest: int) -> int:
    """Add.

    Args:
        a (int): One.
        b (int): Two, see
            below.
        **rest (int): More.

    Returns:
        int: Sum.

    Raises:
        ValueError: If negative.
    """
    if a < 0:
        raise ValueError(a)
    return a + b


@pytest.mark.parametrize('line, lacks', [
    ('        b (int): Two, see\n            below.\n', 'parameter b'),
    ('        **rest (int): More.\n', 'parameter **rest'),
    ('    Returns:\n        int: Sum.\n', 'Returns'),
    ('        ValueError: If negative.\n', 'Raises ValueError')])
def test_a_missing_line_is_found(line, lacks):
    assert not faults(told, inspect.cleandoc(told.__doc__))
    assert line in told.__doc__
    doc = inspect.cleandoc(told.__doc__.replace(line, ''))
    assert faults(told, doc) == [lacks]


def test_a_stale_parameter_is_found():
    doc = inspect.cleandoc(told.__doc__.replace('a (int)', 'old (int)'))
    assert sorted(faults(told, doc)) == ['old, which is no parameter',
                                         'parameter a']
