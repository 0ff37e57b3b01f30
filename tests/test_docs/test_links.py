"""Links, anchors and pictures of README and docs lead somewhere."""

import re
from pathlib import Path
from typing import List, Set

import pytest
from mmengine.config import Config
from pages import PAGES, ROOT, fences
from PIL import Image

LINK = re.compile(r'\[[^\]]*\]\(([^)\s]+)\)')


def anchors(text: str) -> Set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    heads = re.findall(r'^#+ (.*)$', re.sub(r'```.*?```', '', text,
                                            flags=re.S), re.M)
    return {re.sub(r'[^\w\- ]', '', head.strip().lower()).replace(' ', '-')
            for head in heads}


def faults(page: Path, text: str) -> List[str]:
    """Relative links of a page that lead nowhere."""
    found = []
    prose = re.sub(r'```.*?```|`[^`\n]*`', '', text, flags=re.S)
    for link in LINK.findall(prose):
        if re.match(r'https?://|mailto:', link):
            continue
        name, _, anchor = link.partition('#')
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            found.append(f'{page.name}: there is no {link}')
        elif anchor and anchor not in anchors(target.read_text()):
            found.append(f'{page.name}: {target.name} has no #{anchor}')
    return found


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links(page):
    assert not faults(page, page.read_text())


def test_a_wrong_link_is_found():
    page = ROOT / 'docs' / 'method.md'
    text = ('[a](choices.md) [b](nothing.md) [c](method.md#letters)\n'
            '![d](figures/none.png) [e](#nowhere) [f](https://x.y/z)')
    assert faults(page, text) == [
        'method.md: there is no nothing.md',
        'method.md: there is no figures/none.png',
        'method.md: method.md has no #nowhere']


def test_every_page_is_reached_from_the_readme():
    links = set(LINK.findall((ROOT / 'README.md').read_text()))
    pages = {f'docs/{page.name}' for page in PAGES[1:]}
    assert pages <= links, 'name them in README, section "Documents"'


def test_the_readme_is_short():
    assert len((ROOT / 'README.md').read_text().splitlines()) < 200


def test_the_figure_is_drawn_by_its_script(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(ROOT / 'docs' / 'figures'))
    import make_method_figure
    shipped = Image.open(make_method_figure.FILE)
    monkeypatch.setattr(make_method_figure, 'FILE', tmp_path / 'new.png')
    make_method_figure.main()
    assert Image.open(tmp_path / 'new.png').size == shipped.size
    code = (ROOT / 'mmseg_pseudoseg/models/segmentors/semi_segmentor.py'
            ).read_text()
    for method in make_method_figure.LANES:
        assert f'def {method}(' in code


def python_blocks(name: str) -> List[str]:
    """The Python blocks of a page."""
    text = (ROOT / 'docs' / name).read_text()
    return [block for language, block in fences(text) if language == 'python']


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_python_compiles(page):
    for language, block in fences(page.read_text()):
        if language == 'python':
            compile(block, page.name, 'exec')


def test_configs_md_quotes_a_config_and_changes_others(tmp_path):
    blocks = python_blocks('configs.md')
    voc = (ROOT / 'configs' / 'pseudoseg' / 'voc_1_8.py').read_text()
    assert any(block.strip() in voc for block in blocks)
    loaded = 0
    for number, block in enumerate(blocks):
        if '_base_ = ' not in block:
            block = f"_base_ = './voc_1_8.py'\n{block}"
        path = tmp_path / f'{number}.py'
        path.write_text(block.replace(
            "'./", f"'{ROOT / 'configs' / 'pseudoseg'}/"))
        Config.fromfile(path)
        loaded += 1
    assert loaded >= 5
