"""What README and docs/*.md hold: command lines, links, tables."""

import re
import shlex
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Tuple

ROOT = Path(__file__).resolve().parents[2]
LEDGER = ROOT / 'docs' / 'commands.md'
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]
FENCE = re.compile(r'^ *```(\w*)[^\n]*\n(.*?)^ *```', re.M | re.S)
ASSIGNMENT = re.compile(r'(?:export )?(\w+)=(".*"|\$\(.*\)\S*|\S*)')
# Lines that only frame the ones around them.
FRAME = re.compile(r'(for .*; do|done|source \S+|cd \S+)')


class Command(NamedTuple):
    """A command line of a page.

    Attributes:
        page (str): Name of the file.
        line (str): As a reader types it, on one line, without comment.
        parts (list[list[str]]): Words of each of its simple commands, with
            the variables of the block filled in, without assignments.
        copied (set[str]): File names in the page's ``cp`` lines before it.
    """

    page: str
    line: str
    parts: List[List[str]]
    copied: set


def fences(text: str) -> Iterator[Tuple[str, str]]:
    """Language and text of the fenced blocks of a page."""
    yield from FENCE.findall(text)


def without_comment(line: str) -> str:
    """The line up to a ``#`` that begins a word outside quotes."""
    return re.match(r'''(?:'[^']*'|"[^"]*"|(?<=\S)#|[^'"#])*''', line)[0]


def simple_commands(line: str, known: Dict[str, str]) -> List[List[str]]:
    """Split a line at ``&&``, ``;`` and ``|``; fill in known variables."""
    parts: List[List[str]] = [[]]
    lexer = shlex.shlex(line, posix=True, punctuation_chars='&;|')
    lexer.whitespace_split = True
    for word in lexer:
        if set(word) <= set('&;|'):
            parts.append([])
        elif parts[-1] or not ASSIGNMENT.fullmatch(word):
            parts[-1] += known[word[1:]].split() if word[1:] in known and \
                word[0] == '$' else [word]
    return [part for part in parts if part]


def block_commands(page: str, text: str, copied: set) -> Iterator[Command]:
    """The command lines of a block of shell; notes what they copy."""
    known: Dict[str, str] = {}
    for raw in re.sub(r'\\\n\s*', '', text).splitlines():
        line = without_comment(raw.strip().removeprefix('$ '))
        line = re.sub(r'\s+', ' ', line).strip()
        assigned = ASSIGNMENT.fullmatch(line)
        if assigned:
            known[assigned[1]] = assigned[2].strip('"')
        elif loop := re.match(r'for (\w+) in (\S+)', line):
            known[loop[1]] = loop[2]  # the first turn stands for all
        elif line and not FRAME.fullmatch(line):
            parts = simple_commands(line, known)
            yield Command(page, line, parts, set(copied))
            copied.update(Path(word).name for part in parts
                          if part[0] == 'cp' for word in part)


def commands() -> List[Command]:
    """Every command line of every page."""
    found: List[Command] = []
    for page in PAGES:
        copied: set = set()
        for language, text in fences(page.read_text()):
            if language in ('bash', 'sh', 'shell', 'console'):
                found += block_commands(page.name, text, copied)
    return found


def ledger() -> List[Tuple[str, str]]:
    """The rows of docs/commands.md: a pattern of commands, what ran them."""
    return re.findall(r'^\| `(.*?)` \| (.*?) \|', LEDGER.read_text(), re.M)
