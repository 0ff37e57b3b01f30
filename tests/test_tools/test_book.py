"""The shipped book: configs, metafiles, tables, docs and paper agree."""

import re
import sys
from pathlib import Path
from typing import Dict, List

import pytest
from conftest import ROOT
from mmengine.config import Config
from tiny import TOOLS

sys.path.insert(0, str(TOOLS))
from _book import dump, read_models, read_tables, read_yaml  # noqa: E402

MODELS = {model.name: model for model in read_models()}
TABLES = read_tables()
METAFILES = sorted({model.metafile for model in MODELS.values()})
# What the paper's lines of its own method say, copied from its text.
PAPER = {
    '1': [71.00, 73.23],
    '2': [72.41, 69.14, 65.50, 57.60],
    '3': [73.80],
    '4': [73.51, 71.79, 69.15, 65.44],
    '5': [70.22, 69.35, 53.20, 67.07, 62.61, 53.42, 73.79, 73.13, 67.06,
          73.95, 73.05, 67.54, 71.73, 67.57, 64.26, 75.29, 74.70, 71.22],
    '6': [70.20, 64.00, 56.03, 72.85, 69.88, 64.20, 73.79, 73.13, 67.06,
          75.29, 74.70, 71.22],
    '7': [76.96, 77.40, 78.20, 77.80, 79.28],
    '8': [56.03, 56.87, 55.92, 67.06, 64.12, 66.09, 71.22, 68.11, 69.72],
    '10': [71.11, 70.11, 71.22, 72.37, 68.15],
    '11': [72.36, 69.81, 60.96],
}
# Method words of a row, and what its config must have.
TRAITS = {
    'supervised': lambda cfg: cfg.model.type == 'EncoderDecoder',
    'self-training': lambda cfg: cfg.model.type == 'EncoderDecoder',
    'PseudoSeg': lambda cfg: cfg.model.type.endswith('SemiSegmentor'),
    'image-level labels': lambda cfg: cfg.model.image_labels,
    'decoder only': lambda cfg: cfg.model.pseudo_label.source == 'decoder',
    'SGC only': lambda cfg: cfg.model.pseudo_label.source == 'sgc',
    'ResNet-50': lambda cfg: cfg.model.backbone.depth == 50,
    'ResNet-101': lambda cfg: cfg.model.backbone.depth == 101,
    'Xception-65': lambda cfg: 'xception65' in cfg.model.backbone.model_name,
}


def leaves() -> Dict[str, Path]:
    return {path.stem: path for path in (ROOT / 'configs').glob('*/*.py')
            if path.parent.name != '_base_'}


def load(name: str) -> Config:
    return Config.fromfile(leaves()[name], import_custom_modules=False)


def test_each_config_is_one_entry_and_in_a_table():
    assert sorted(MODELS) == sorted(leaves())
    assert len(read_models()) == len(MODELS)
    for name, model in MODELS.items():
        assert ROOT / model.config == leaves()[name]
        assert model.metafile.parent == leaves()[name].parent
        assert model.metadata['Rows']


def test_tables_have_rows_and_labels_are_unique():
    for table in TABLES.values():
        labels = [row.label for row in table.rows]
        assert labels and len(set(labels)) == len(labels), table.key


@pytest.mark.parametrize('path', METAFILES, ids=lambda p: p.parent.name)
def test_metafile_is_in_the_format_that_record_writes(path: Path):
    content = read_yaml(path)
    assert dump(content) == path.read_text()
    collections = {entry['Name'] for entry in content['Collections']}
    for entry in content['Models']:
        assert entry['In Collection'] in collections


@pytest.mark.parametrize('name', sorted(MODELS))
def test_metadata_and_rows_fit_the_config(name: str):
    model, cfg = MODELS[name], load(name)
    gpus = 1 if model.metafile.parent.name in ('small', 'demo') else 8
    assert model.metadata['Iterations'] == cfg.train_cfg.max_iters
    assert model.metadata['Batch Size'] == gpus * (
        cfg.train_dataloader.batch_size)
    labels = ', '.join(
        f'{TABLES[str(row["Table"])].title}, {row["Row"]}'
        if str(row['Table']) in '2 3 4 11'.split() else row['Row']
        for row in model.metadata['Rows'])
    for word, holds in TRAITS.items():
        if word in labels:
            assert holds(cfg), f'{name} is called {labels}'
    teacher = model.metadata.get('Teacher')
    if teacher:
        assert teacher in MODELS
        part = cfg.train_dataloader.dataset.unlabeled
        assert part.data_prefix.seg_map_path == f'pseudo_labels/{teacher}'


@pytest.mark.parametrize('name', sorted(
    name for name, model in MODELS.items()
    if model.metafile.parent.name not in ('small', 'demo')))
def test_first_line_names_the_rows(name: str):
    """As in ``# Tables 5, 6; figures 3 (a), 5 (b): PseudoSeg, ...``."""
    comment = ''
    for line in leaves()[name].read_text().splitlines():
        if not line.startswith('# '):
            break
        comment += line[1:]
    head = comment.split(':')[0].strip()
    found = {number + letter for number, letter in re.findall(
        r'(\d+)(?: \((\w)\))?', head)}
    keys = {str(row['Table']) for row in MODELS[name].metadata['Rows']}
    wanted = {key.removeprefix('fig') for key in keys
              if re.match(r'\d+$|fig', key)}
    assert found == wanted
    assert bool(wanted) != (head == 'Not in the paper')


def numbers(key: str) -> List[float]:
    return sorted(row.paper for row in TABLES[key].rows
                  if row.paper is not None)


@pytest.mark.parametrize('key', PAPER)
def test_papers_numbers(key: str):
    assert numbers(key) == sorted(PAPER[key])
    assert all(row.paper is not None for row in TABLES[key].rows)


@pytest.mark.parametrize('key', PAPER)
def test_papers_numbers_stand_in_its_text(key: str, shared: Path):
    text = (shared / 'paper' / 'pseudoseg_paper.txt').read_text()
    lines = text[text.index(f'\nTable {key}:'):].splitlines()[2:12]
    there = {float(number) for line in lines
             for number in re.findall(r'(?<![\d.+])\d\d\.\d+', line)}
    assert set(numbers(key)) <= there


@pytest.mark.parametrize('row', ['Supervised', 'PseudoSeg'])
def test_table_12_is_the_mean_of_its_classes(row: str, shared: Path):
    text = (shared / 'paper' / 'pseudoseg_paper.txt').read_text()
    lines = text[text.index('\nTable 12:'):].splitlines()[2:10]
    values = [float(number) for line in lines if line.startswith(row)
              for number in re.findall(r'\d+\.\d+', line)]
    assert len(values) == 19
    ours, = [r.paper for r in TABLES['12'].rows
             if r.label.lower().startswith(row.lower())]
    assert ours == pytest.approx(sum(values) / 19, abs=0.005)


def test_results_have_seeds_commit_and_log():
    with_results = [m for m in MODELS.values() if m.results]
    assert with_results, 'the small machine has run'
    for model in with_results:
        results = model.results
        assert len(results['Each Seed']) == len(results['Seeds'])
        mean = sum(results['Each Seed']) / len(results['Seeds'])
        assert results['Metrics']['mIoU'] == pytest.approx(mean, abs=0.006)
        log = (ROOT / results['Log']).read_text()
        for seed, value in zip(results['Seeds'], results['Each Seed']):
            part = log.split(f'## {model.name}, seed {seed}, ')[1]
            last = part.split('\n## ')[0].strip().splitlines()[-1]
            assert f'mIoU: {value:.4f}' in last


def test_docs_have_every_table_once_and_up_to_date():
    import make_tables
    text = (ROOT / 'docs' / 'experiments.md').read_text()
    keys = re.findall(r'<!-- table (\S+) -->', text)
    assert sorted(keys) == sorted(TABLES)
    for name in make_tables.FILES:
        assert make_tables.rewrite(ROOT / name) == (ROOT / name).read_text()
