"""Write the tables of the docs anew from the metafiles.

A file has a table between the lines ``<!-- table KEY -->`` and
``<!-- end of table -->``, where KEY is a key of configs/tables.yml.
"""

import argparse
import re
import sys
from os.path import relpath
from pathlib import Path

import _book
from _book import BookError, Row, Table, read_tables
from _runs import mean_and_spread

FILES = ('README.md', 'docs/experiments.md')
PLACE = re.compile(r'(<!-- table (\S+) -->\n).*?(<!-- end of table -->)', re.S)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f'Files: {", ".join(FILES)}.')
    parser.add_argument('--check', action='store_true',
                        help='write nothing; fail if a file is not up to date')
    return parser.parse_args()


def paper_cell(row: Row) -> str:
    """The paper's number, and where it stands if not in this table."""
    if row.paper is None:
        return ''
    source = f' ({row.source})' if row.source else ''
    return f'{row.paper:.2f}{source}'


def our_cell(row: Row, folder: Path) -> str:
    """Our number with seeds, commit and log; empty without a run."""
    results = row.model.results
    if results is None:
        return ''
    log = relpath(_book.ROOT / results['Log'], folder)
    seeds = ', '.join(map(str, results['Seeds']))
    return (f'{mean_and_spread(results["Each Seed"])} (seed {seeds}; '
            f'{results["Commit"]}; [log]({log}))')


def render(table: Table, folder: Path) -> str:
    """A table in Markdown.

    Args:
        table (Table): Which one.
        folder (Path): Of the file, for its links.

    Returns:
        str: Title, header and a line a row.
    """
    lines = [f'**{table.title}**', '',
             "| row | config | paper's mIoU | our mIoU |", '|---|---|---|---|']
    for row in table.rows:
        path = relpath(_book.ROOT / row.model.config, folder)
        lines.append(f'| {row.label} | [{row.model.name}]({path}) | '
                     f'{paper_cell(row)} | {our_cell(row, folder)} |')
    return '\n'.join(lines) + '\n'


def rewrite(path: Path) -> str:
    """The text of a file with its tables up to date.

    Raises:
        BookError: If it asks for a table that is not there.
    """
    tables = read_tables()

    def fill(place: re.Match) -> str:
        if place[2] not in tables:
            raise BookError(f'{path}: there is no table {place[2]}; there are '
                            f'{", ".join(tables)}')
        return place[1] + render(tables[place[2]], path.parent) + place[3]

    return PLACE.sub(fill, path.read_text())


def main() -> None:
    """Rewrite or check the files."""
    args = parse_args()
    try:
        old = [path for path in (_book.ROOT / name for name in FILES)
               if rewrite(path) != path.read_text()]
        if args.check and old:
            sys.exit(f'error: {", ".join(path.name for path in old)}: not what'
                     ' the metafiles say; run tools/make_tables.py')
        for path in old:
            path.write_text(rewrite(path))
            print(f'written: {path}')
    except BookError as error:
        sys.exit(f'error: {error}')


if __name__ == '__main__':
    main()
