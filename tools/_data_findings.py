"""What check_data.py found: sorted by weight, printed, counted."""

from typing import Dict, List, NamedTuple, Sequence, Tuple

from mmseg_pseudoseg.datasets.file_faults import ERROR, NOTE, WARNING

LEVELS = (ERROR, WARNING, NOTE)
SHOWN = 5  # files of a finding on the screen; --json has them all


class Finding(NamedTuple):
    """One thing that somebody should know before the training.

    Attributes:
        level (str): ``'error'``, ``'warning'`` or ``'note'``.
        where (str): The key of the config that it is about.
        text (str): What is the matter.
        remedy (str): What to do about it; a note may need none.
        files (tuple[str, ...]): The files, each with its own detail.
    """

    level: str
    where: str
    text: str
    remedy: str = ''
    files: Tuple[str, ...] = ()


def count(findings: Sequence[Finding]) -> Dict[str, int]:
    """How many findings there are of each level."""
    return {level: sum(f.level == level for f in findings)
            for level in LEVELS}


def lines(finding: Finding) -> List[str]:
    """A finding as a person reads it."""
    result = [f'- {finding.where}: {finding.text}']
    result += [f'    {file}' for file in finding.files[:SHOWN]]
    if len(finding.files) > SHOWN:
        result.append(f'    ... and {len(finding.files) - SHOWN} more '
                      '(check_data.py --json lists all)')
    if finding.remedy:
        result.append(f'  do: {finding.remedy}')
    return result


def print_findings(findings: Sequence[Finding]) -> None:
    """Print the findings, errors first, and how many there are."""
    for level in LEVELS:
        group = [f for f in findings if f.level == level]
        if group:
            print(f'\n{level}s')
        for finding in group:
            print('\n'.join(lines(finding)))
    print('\n' + ', '.join(f'{number} {level}{"s" * (number != 1)}'
                           for level, number in count(findings).items()))


def plural(number: int, name: str) -> str:
    """Such as ``'1 image'`` and ``'3 images'``."""
    return f'{number} {name}{"s" * (number != 1)}'
