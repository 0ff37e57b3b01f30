"""Write the reference of the package's public names to docs/_build."""

import importlib
import pkgutil
import sys
import warnings
from pathlib import Path
from typing import List

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import mmseg_pseudoseg  # noqa: E402  (first: it lets torchvision load)


def public_modules() -> List[str]:
    """The package and what below it says what is public.

    pdoc follows ``__all__``, which does not name subpackages, so each is
    handed over by name.

    Returns:
        list[str]: Names of the modules that have ``__all__``.
    """
    names = [mmseg_pseudoseg.__name__]
    for info in pkgutil.walk_packages(
            mmseg_pseudoseg.__path__, f'{mmseg_pseudoseg.__name__}.'):
        if hasattr(importlib.import_module(info.name), '__all__'):
            names.append(info.name)
    return names


def build(folder: Path) -> None:
    """Write the pages.

    Args:
        folder (Path): Where ``index.html`` goes.

    Raises:
        SystemExit: If pdoc is missing, or warns.
    """
    try:
        import pdoc
    except ImportError as error:
        raise SystemExit(f'{error}: pip install -r requirements/docs.txt') \
            from error
    pdoc.render.configure(docformat='google', show_source=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        pdoc.pdoc(*public_modules(), output_directory=folder)
    texts = [str(w.message) for w in caught if 'pdoc' in w.filename
             and 'already been added' not in str(w.message)]
    if texts:
        raise SystemExit('pdoc warns:\n' + '\n'.join(texts))


if __name__ == '__main__':
    build(ROOT / 'docs' / '_build')
    print('docs/_build/index.html')
