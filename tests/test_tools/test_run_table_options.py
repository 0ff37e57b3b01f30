"""run_table.py: what its options mean for rows, and the folder of the call."""
# ruff: noqa: F811  (the fixtures are imported)

import shlex
from pathlib import Path
from typing import Dict, List

import pytest
from inprocess import tool_main  # noqa: F401
from mmengine.config import Config
from small_book import book, calls, run_table  # noqa: F401
from tiny import ROOT, TOOLS

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


@pytest.fixture()
def shipped(tool_main, monkeypatch, tmp_path):
    """``shipped(*args)``: a dry run on the shipped book, from elsewhere."""
    monkeypatch.syspath_prepend(TOOLS)
    monkeypatch.chdir(tmp_path)
    return lambda *args, **kwargs: tool_main(
        'run_table', *args, '--dry-run', '--work-dirs', 'runs', **kwargs)


def commands(text: str, script: str) -> Dict[str, List[str]]:
    """Config -> words of the printed commands that run a script."""
    lines = [shlex.split(line) for line in text.splitlines()
             if f' tools/{script} ' in line]
    return {words[2]: words for words in lines}


def with_options(config: str, words: List[str]) -> Config:
    """What a command makes of its config."""
    from _plan import parse_options
    cfg = Config.fromfile(ROOT / config, import_custom_modules=False)
    cfg.merge_from_dict(
        parse_options(words[words.index('--cfg-options') + 1:]))
    return cfg


def roots(node: dict) -> List[str]:
    """Every ``data_root`` below a node."""
    own = [node['data_root']] if 'data_root' in node else []
    return own + [root for value in node.values() if isinstance(value, dict)
                  for root in roots(value)]


def test_overridden_iterations_name_the_teachers_checkpoint(shipped):
    """Else its labels would be those of a file that is never written."""
    options = '--cfg-options', 'train_cfg.max_iters=1500'
    for args, name in ((), 'iter_750.pth'), (options, 'iter_1500.pth'):
        words, = commands(shipped('small-6', *args),
                          'generate_pseudo_labels.py').values()
        assert Path(words[3]).name == name


def test_data_root_of_every_row(shipped, tmp_path):
    """A table of a supervised, a self-trained and semi-supervised rows."""
    text = shipped('small-6', '--data-root', 'photos/../mine')
    wanted = str(tmp_path / 'mine')
    trained = commands(text, 'train.py')
    numbers = set()
    for config, words in trained.items():
        cfg = with_options(config, words)
        found = [root for name in LOADERS for root in roots(cfg[name])]
        assert set(found) == {wanted}, config
        numbers.add(len(found))
        # Nothing new: a part that is not there would be made half.
        plain = Config.fromfile(ROOT / config, import_custom_modules=False)
        assert len(found) == sum(len(roots(plain[name])) for name in LOADERS)
        assert 'train_dataset' not in ' '.join(words)  # read by nothing
    assert len(trained) == 4 and numbers == {3, 4}
    (config, words), = commands(text, 'generate_pseudo_labels.py').items()
    cfg = with_options(config, words)
    assert cfg.test_dataloader.dataset.data_root == wanted
    assert words[words.index('--out') + 1] == (
        f'{wanted}/pseudo_labels/sup_animals_1_16_seed0')


def test_without_data_root_the_configs_own(shipped):
    trained = commands(shipped('small-6'), 'train.py')
    for config, words in trained.items():
        cfg = with_options(config, words)
        assert {root for name in LOADERS for root in roots(cfg[name])} == {
            'data/voc_animals/'}


def test_cfg_options_go_before_data_root(shipped, tmp_path):
    key = 'val_dataloader.dataset.data_root'
    text = shipped('small', '--data-root', 'a', '--cfg-options', f'{key}=b')
    for config, words in commands(text, 'train.py').items():
        cfg = with_options(config, words)
        assert cfg.val_dataloader.dataset.data_root == 'b'
        assert cfg.test_dataloader.dataset.data_root == str(tmp_path / 'a')


def test_data_root_of_a_config_with_several(shipped):
    """High data: VOC's masks in one folder, COCO's photographs in another."""
    text = shipped(7, '--data-root', 'a', ok=False)
    for words in ('--data-root: highdata_coco', 'several folders',
                  'labeled.data_root=data/VOCdevkit/VOC2012',
                  'train_dataloader.dataset.unlabeled.data_root=data)'):
        assert words in text
    shipped(7)


@pytest.mark.parametrize('name', ['a b', 'a,b', 'a"'])
def test_data_root_that_options_cannot_hold(shipped, name):
    text = shipped('small', '--data-root', name, ok=False)
    assert f'{name}: --cfg-options misreads' in text


def test_from_another_folder(book, run_table, monkeypatch):
    """Jobs run in the repository; paths are those of the caller."""
    away = book / 'away'
    away.mkdir()
    monkeypatch.chdir(away)
    text = run_table(6, '--work-dirs', '../runs', '--dry-run')
    assert text.startswith(f'cd {book}\n')
    assert f'--work-dir {book}/runs/teacher_seed0 ' in text
    run_table(6, '--work-dirs', '../runs')
    assert len(calls(book)) == 3
    run_table(6, '--work-dirs', '../runs', '--record', '../docs/six.txt')
    assert (book / 'docs' / 'six.txt').is_file()
    metafile = (book / 'configs' / 'a' / 'metafile.yml').read_text()
    assert metafile.count('Log: docs/six.txt\n') == 2
    assert [path.name for path in away.iterdir()] == []


def test_default_work_dirs_are_the_repositorys(book, run_table, monkeypatch):
    (book / 'away').mkdir()
    monkeypatch.chdir(book / 'away')
    run_table(6)
    assert (book / 'work_dirs' / 'student_seed0' / 'run.json').is_file()


def test_log_outside_of_the_repository_is_refused(book, run_table):
    run_table(6)
    text = run_table(6, '--record', book.parent / 'x.txt', ok=False)
    assert f'--record {book.parent}/x.txt: the docs link to this' in text
    assert not (book.parent / 'x.txt').exists()
