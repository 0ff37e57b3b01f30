"""The experiment book: which config is which row of which table.

``model-index.yml`` imports a ``metafile.yml`` of each family of configs, in
OpenMMLab's format; a model names its rows in ``Metadata: Rows``. The titles of
the tables are in ``configs/tables.yml``.
"""

from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

import yaml

ROOT = Path(__file__).resolve().parents[1]


class BookError(ValueError):
    """The metafiles do not say what they must, or not what is asked for."""


class Model(NamedTuple):
    """An entry of a metafile.

    Attributes:
        name (str): The config's name without folder and suffix.
        config (str): Its path in the repository.
        metafile (Path): Where the entry stands.
        metadata (dict): Iterations, batch size, training data, rows; of a
            student also its ``Teacher``.
        results (dict | None): Ours: ``Metrics``, ``Seeds``, ``Commit``,
            ``Log``.
    """

    name: str
    config: str
    metafile: Path
    metadata: dict
    results: Optional[dict]


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        label (str): What the row is.
        paper (float | None): The paper's mIoU; None where it has none, or
            only a point in a figure.
        source (str | None): Who reported ``paper``, if not the paper.
        model (Model): The config.
    """

    label: str
    paper: Optional[float]
    source: Optional[str]
    model: Model


class Table(NamedTuple):
    """A table of the book.

    Attributes:
        key (str): As ``tools/run_table.py`` takes it.
        title (str): What it compares.
        rows (list[Row]): In the order of the metafiles.
    """

    key: str
    title: str
    rows: List[Row]


def read_yaml(path: Path) -> dict:
    """A YAML file of mappings.

    Raises:
        BookError: If it is missing or is no such file.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise BookError(f'{path}: {error}') from error
    if not isinstance(content, dict):
        raise BookError(f'{path}: a mapping is expected')
    return content


def read_models() -> List[Model]:
    """All entries of all metafiles, in the order of ``model-index.yml``."""
    models = []
    for name in read_yaml(ROOT / 'model-index.yml')['Import']:
        for entry in read_yaml(ROOT / name)['Models']:
            results = entry.get('Results')
            models.append(
                Model(entry['Name'], entry['Config'], ROOT / name,
                      entry['Metadata'], results[0] if results else None))
    return models


def read_tables() -> Dict[str, Table]:
    """All tables with their rows.

    Raises:
        BookError: If a row is of a table without a title.
    """
    tables = {
        str(key): Table(str(key), title, [])
        for key, title in read_yaml(ROOT / 'configs' / 'tables.yml').items()
    }
    for model in read_models():
        for row in model.metadata['Rows']:
            key = str(row['Table'])
            if key not in tables:
                raise BookError(f'{model.metafile}: {model.name} is in table '
                                f'{key}, which configs/tables.yml lacks')
            tables[key].rows.append(
                Row(row['Row'], row.get('mIoU'), row.get('Source'), model))
    return tables


def write_results(model: Model, results: dict) -> None:
    """Put our numbers of a config into its metafile.

    Args:
        model (Model): Whose entry changes.
        results (dict): The new :attr:`Model.results`.
    """
    content = read_yaml(model.metafile)
    for entry in content['Models']:
        if entry['Name'] == model.name:
            entry['Results'] = [results]
    model.metafile.write_text(dump(content))


def dump(content: dict) -> str:
    """The text of a metafile."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True,
                          width=79)
