"""Reading lists of images: text alone, and no way out of their folder."""

import codecs
import os.path as osp
import re
from typing import List, Optional

from mmengine.fileio import get

BOM = '\ufeff'
WIDE = {  # the longer marks first: that of UTF-32 begins with UTF-16's
    codecs.BOM_UTF32_LE: 'UTF-32', codecs.BOM_UTF32_BE: 'UTF-32',
    codecs.BOM_UTF16_LE: 'UTF-16', codecs.BOM_UTF16_BE: 'UTF-16'}
CLEAN = 'tools/check_data.py --fix-lists writes it without'
CONTROL = re.compile(r'[\x00-\x08\x0b-\x1f\x7f]')  # all but the tab
# Names that check_name accepts, at a glance: lists can have 240,000.
PLAIN = re.compile(r'\w[\w.-]{0,254}(?:/\w[\w.-]{0,254}){0,14}', re.ASCII)
MAX_NAME = 255  # bytes; of a file or a folder, on the usual file systems
MAX_PATH = 4096  # bytes; Linux


def read_lines(path: str) -> List[str]:
    """The lines of a text file in UTF-8; nothing else is read.

    The stock ``list_from_file`` does not name the file in its errors, keeps
    a byte order mark as part of the first line, and takes a NUL for text.

    Args:
        path (str): A file; lines end in LF, CR LF or CR.

    Returns:
        list[str]: Without line ends and byte order mark, else unchanged.

    Raises:
        ValueError: If it is no such file, naming it and the line.
    """
    text = read_text(path)
    return split_lines(text[text.startswith(BOM):])


def read_text(path: str) -> str:
    """A text file in UTF-8, with its byte order mark.

    Args:
        path (str): A file.

    Returns:
        str: Unchanged.

    Raises:
        ValueError: If it is no such file, naming it and the line.
    """
    data: bytes = get(path)
    remedy = ('the file must be plain text in UTF-8, a line for each image; '
              'other formats are not read')
    wide = encoding(data)
    if wide:
        raise ValueError(
            f'{path}, line 1: is text in {wide}; {remedy}: save it with the '
            f'encoding "UTF-8" (iconv -f {wide} -t UTF-8 OLD > NEW)')
    try:
        text = data.decode('utf-8')
    except UnicodeDecodeError as error:
        before = split_lines(data[:error.start].decode('utf-8') + '.')
        raise ValueError(
            f'{path}, line {len(before)}: the byte '
            f'0x{data[error.start]:02x} is not text in UTF-8; {remedy}: save '
            'it with the encoding "UTF-8"') from error
    found = CONTROL.search('\n'.join(split_lines(text)))
    if found:
        number = 1 + next(i for i, line in enumerate(split_lines(text))
                          if found[0] in line)
        raise ValueError(f'{path}, line {number}: holds the character '
                         f'{found[0]!r}; {remedy}')
    return text


def encoding(data: bytes) -> Optional[str]:
    """Name of an encoding of two or four bytes a character.

    Windows' editors call UTF-16 "Unicode"; PowerShell's ``>`` writes it.

    Args:
        data (bytes): A file.

    Returns:
        str, optional: None where the file begins with no mark of one.
    """
    for mark, name in WIDE.items():
        if data.startswith(mark):
            try:
                data.decode(name)
            except UnicodeDecodeError:
                return None  # no text of this encoding either
            return name
    return None


def split_lines(text: str) -> List[str]:
    """Split where ``open`` does; ``str.splitlines`` splits elsewhere, too."""
    lines = re.split('\r\n|\r|\n', text)
    return lines if lines[-1] else lines[:-1]


def check_name(name: str, where: str) -> None:
    """Refuse the name of an image that leads out of its folder.

    Args:
        name (str): As in a list; may begin with folders.
        where (str): File and line, for the message.

    Raises:
        ValueError: If it is empty, absolute, goes up, or is too long.
    """
    parts = re.split(r'[/\\]', name)
    if not name:
        raise ValueError(f'{where}: the line is empty; remove it, or {CLEAN}')
    if osp.isabs(name) or '..' in parts or '://' in name:
        raise ValueError(
            f'{where}: {name!r:.100} leads out of the folder of the images; '
            'give its path below data_prefix, without a leading "/" and '
            'without ".."')
    longest = max(len(part.encode()) for part in parts)
    if longest > MAX_NAME or len(name.encode()) > MAX_PATH:
        raise ValueError(f'{where}: {name!r:.100}... is too long for the name '
                         'of a file; one image a line')


def check_list(path: str) -> int:
    """Refuse a list that is no text, or whose names lead elsewhere.

    The stock ``BaseSegDataset`` joins each line to a folder, whatever it is,
    a byte order mark and nothing at all included.

    Args:
        path (str): An ``ann_file``, one image a line.

    Returns:
        int: Number of lines.

    Raises:
        ValueError: Naming the file and the line.
    """
    text = read_text(path)
    if text.startswith(BOM):
        raise ValueError(
            f'{path}, line 1: begins with a byte order mark, which would '
            f'become part of the first name; {CLEAN}, or save it as UTF-8 '
            'without BOM')
    lines = split_lines(text)
    for number, line in enumerate(lines, 1):
        name = line.strip()
        if not PLAIN.fullmatch(name):
            check_name(name, f'{path}, line {number}')
    return len(lines)
