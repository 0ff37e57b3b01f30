"""Every command of README and docs: its files, its options, who ran it."""

import argparse
import datetime
import importlib
import re
import sys
from pathlib import Path
from typing import List

import mmseg
import pytest
from mmengine.config import Config
from pages import ROOT, Command, block_commands, commands, ledger

COMMANDS = commands()
# Words before the arguments that a shell script hands to a tool.
SCRIPTS = {
    'tools/dist_train.sh': ('tools/train.py', 1, 2),
    'tools/dist_test.sh': ('tools/test.py', 2, 3),
    'tools/slurm_train.sh': ('tools/train.py', 3, 3),
    'tools/slurm_test.sh': ('tools/test.py', 4, 4),
}
EXTERNAL = {'cp', 'mkdir', 'cd', 'wget', 'tar', 'git', 'unzip', 'pytest',
            'docker', 'conda', 'ln', 'ls', 'cat', 'kill', 'tensorboard',
            'uv', 'nproc', 'curl', 'watch', 'rm', 'mv', 'grep', 'sed'}


class Parsed(Exception):
    """The command line was understood."""


@pytest.fixture()
def parse(monkeypatch):
    """Hand words to a tool's own parser, and stop behind it."""
    original = argparse.ArgumentParser.parse_args

    def parse_args(parser, args=None, namespace=None):
        raise Parsed(original(parser, args, namespace))

    def run(tool: str, *args: str) -> argparse.Namespace:
        path = ROOT / tool
        monkeypatch.syspath_prepend(str(ROOT / 'tools'))
        monkeypatch.syspath_prepend(str(path.parent))
        monkeypatch.setattr(sys, 'argv', [path.name, *args])
        module = importlib.import_module(path.stem)
        assert Path(module.__file__) == path
        monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', parse_args)
        try:
            with pytest.raises(Parsed) as parsed:
                module.main()
        except SystemExit as end:
            pytest.fail(f'{tool} refuses {" ".join(args)}: {end}')
        finally:
            monkeypatch.undo()
        return parsed.value.args[0]

    return run


def tool_call(part: List[str]) -> List[str]:
    """The Python tool that a simple command runs, and its arguments."""
    script = part[0]
    if script in SCRIPTS:
        assert (ROOT / script).stat().st_mode & 0o111, f'{script}: not +x'
        tool, own, rest = SCRIPTS[script]
        arguments = part[1:1 + own][-1:] if own != 2 else part[1:3]
        if own > 2:  # partition and job name come first
            arguments = part[3:1 + own]
        return [tool, *arguments, *part[1 + rest:]]
    if script in ('python', 'python3') and part[1].endswith('.py') \
            and not part[1].startswith('$'):
        return part[1:]
    return []


def check_keys(args: argparse.Namespace, command: Command) -> None:
    """Keys of --cfg-options lead somewhere in the config."""
    options = getattr(args, 'cfg_options', None)
    config = getattr(args, 'config', None)
    if not options or config is None or not (ROOT / config).is_file():
        return
    cfg = Config.fromfile(ROOT / config)
    for key in options:
        node, *parents = cfg._cfg_dict, *key.split('.')[:-2]
        for name in parents:
            node = node[int(name)] if isinstance(node, (list, tuple)) \
                else node.get(name)
            assert node is not None, f'{command.line}: {key} leads nowhere'


def check_part(part: List[str], command: Command, parse) -> None:
    """One simple command: its program and its files exist."""
    call = tool_call(part)
    for word in [] if part[0] == 'cp' else part:
        if re.fullmatch(r'configs/[^*{]*\.py', word):
            assert (ROOT / word).is_file() or Path(word).name in \
                command.copied, f'{command.page}: there is no {word}'
    if call:
        assert (ROOT / call[0]).is_file(), f'there is no {call[0]}'
        if call[0].startswith('tools/') and 'argparse' in (
                ROOT / call[0]).read_text():
            check_keys(parse(*call), command)
    elif part[0] == 'make':
        makefile = (ROOT / 'Makefile').read_text()
        for target in part[1:]:
            assert re.search(rf'^{target}:', makefile, re.M), command
    elif part[0] == 'pip' or part[:3] == ['python', '-m', 'pip']:
        for extras in re.findall(r'mmseg-pseudoseg\[(.*?)\]', ' '.join(part)):
            for extra in extras.split(','):
                assert f"'{extra}'" in (ROOT / 'setup.py').read_text(), extra
        for before, word in zip(part, part[1:]):
            assert before != '-r' or (ROOT / word).is_file(), word
    elif part[0].startswith('python'):
        if part[1].startswith('$TOOLS/'):
            stock = Path(mmseg.__file__).parent / '.mim' / 'tools'
            assert (stock / part[1].removeprefix('$TOOLS/')).is_file()
        elif part[1] == '-c':
            compile(part[2], command.line, 'exec')
        else:
            assert part[1] == '-m', command
    else:
        assert part[0] in EXTERNAL, f'{command.page}: unknown: {part}'


def test_there_are_commands_in_the_pages_that_have_them():
    pages = {command.page for command in COMMANDS}
    assert {'README.md', 'tutorial.md', 'data.md', 'experiments.md'} <= pages
    assert len(COMMANDS) > 50


def test_reading_of_a_block():
    text = '''
# not a command
W="a.b=1 c=2"
export X=3
for t in one two; do
  python tools/x.py $t \\
      --opt $W   # a comment
done
$ A=5 make test && cp q/r.py s/
pip install "p[extra]"  # why
'''
    found = list(block_commands('p', text, set()))
    assert [c.line for c in found] == [
        'python tools/x.py $t --opt $W', 'A=5 make test && cp q/r.py s/',
        'pip install "p[extra]"']
    assert found[0].parts == [
        ['python', 'tools/x.py', 'one', '--opt', 'a.b=1', 'c=2']]
    assert found[1].parts == [['make', 'test'], ['cp', 'q/r.py', 's/']]
    assert 'r.py' in found[2].copied


def test_files_and_options_of_every_command(parse):
    seen = set()
    for command in COMMANDS:
        for part in command.parts:
            if tuple(part) not in seen:
                seen.add(tuple(part))
                check_part(part, command, parse)


@pytest.mark.parametrize('text, message', [
    ('python tools/train.py configs/pseudoseg/voc_1_3.py', 'there is no conf'),
    ('python tools/trian.py configs/pseudoseg/voc_1_8.py', 'there is no tool'),
    ('python tools/train.py configs/pseudoseg/voc_1_8.py --ampp', 'refuses'),
    ('tools/dist_train.sh configs/pseudoseg/voc_1_8.py 8 --resum x y',
     'refuses'),
    ('tools/slurm_test.sh gpu job configs/pseudoseg/voc_1_8.py', 'refuses'),
    ('python tools/train.py configs/pseudoseg/voc_1_8.py --cfg-options '
     'model.pseudo_labels.gamma.x=1', 'leads nowhere'),
    ('make tset', 'tset'), ('frobnicate', 'unknown')])
def test_a_wrong_command_is_found(parse, text, message):
    command, = block_commands('page', text, set())
    with pytest.raises((AssertionError, pytest.fail.Exception),
                       match=message):
        check_part(command.parts[0], command, parse)


def matches(pattern: str, line: str) -> bool:
    """Whether a row of the list is about a command; ``...`` is any text."""
    return re.fullmatch(
        re.escape(pattern).replace(re.escape('...'), '.*'), line) is not None


def missing_evidence(pattern: str, text: str, patterns: List[str]) -> str:
    """What is wrong with the second column of a row; empty if nothing."""
    if test := re.fullmatch(r'`(tests/\S+\.py)(?:::(test_\w+))?`', text):
        path = ROOT / test[1]
        if not path.is_file() or not re.search(
                rf'^def {test[2] or "test_"}', path.read_text(), re.M):
            return 'there is no such test'
    elif hand := re.fullmatch(r'(\d{4}-\d\d-\d\d), by hand', text):
        if datetime.date.fromisoformat(hand[1]) > datetime.date.today():
            return 'the day has not come yet'
    elif text == '`.ci/run`':
        return '' if pattern in (ROOT / '.ci' / 'run').read_text() else \
            '.ci/run does not run it'
    elif step := re.fullmatch(r'step of `(.*)`', text):
        if step[1] not in patterns:
            return f'{step[1]} has no row'
    elif not re.fullmatch(r'not run: \S.+', text):
        return 'neither a test, nor a day, nor "step of", nor "not run: why"'
    return ''


def test_every_command_was_run_or_says_why_not():
    patterns = [pattern for pattern, _ in ledger()]
    assert len(patterns) == len(set(patterns))
    missing = {command.line: command.page for command in COMMANDS
               if not any(matches(p, command.line) for p in patterns)}
    assert not missing, 'add to docs/commands.md:\n' + '\n'.join(
        f'| `{line}` | EVIDENCE | {page} |' for line, page in missing.items())


def test_rows_have_evidence_and_are_not_stale():
    patterns = [pattern for pattern, _ in ledger()]
    lines = [command.line for command in COMMANDS]
    stale = [p for p in patterns if not any(matches(p, x) for x in lines)]
    assert not stale, 'docs/commands.md has commands that no page has'
    wrong = {pattern: fault for pattern, text in ledger()
             if (fault := missing_evidence(pattern, text, patterns))}
    assert not wrong


@pytest.mark.parametrize('text, fault', [
    ('`tests/test_docs/test_commands.py::test_nothing`', 'no such test'),
    ('`tests/nothing.py::test_x`', 'no such test'),
    ('2999-01-01, by hand', 'not come'), ('step of `make x`', 'has no row'),
    ('not run:', 'neither'), ('surely', 'neither'),
    ('`.ci/run`', 'does not run')])
def test_bad_evidence_is_found(text, fault):
    assert fault in missing_evidence('make x', text, ['make test'])


@pytest.mark.parametrize('text', [
    '`tests/test_docs/test_commands.py::test_good_evidence`', '`.ci/run`',
    '2026-11-21, by hand', 'step of `make lint`', 'not run: why'])
def test_good_evidence(text):
    assert not missing_evidence('make test', text, ['make lint'])
