"""Check, before hours of training, what a config will read.

Every listed image and mask is decoded; sizes, labels, classes, duplicates,
overlaps of the lists, tags, crops and the batch are checked, and the memory of
a training step is estimated. The data sets' own lists, loaders and steps are
used, so what is checked is what training sees. Masks of unlabelled images stay
closed without --open-hidden-masks.

Errors end the tool with code 1; warnings and notes with 0.
"""

import argparse
import os
import warnings
from pathlib import Path
from typing import Any, Dict, List

import _cli  # noqa: F401  isort: skip  (finds and registers the package)

import _data_fix
from _benchmark import load_config, print_table, write_json
from _data_batch import batch, batch_findings, crop_findings, crop_size
from _data_checks import (
    config_findings,
    file_findings,
    inspect_all,
    lone_class,
)
from _data_classes import (
    balance,
    balance_findings,
    number_findings,
    tag_findings,
)
from _data_findings import (
    ERROR,
    NOTE,
    Finding,
    count,
    print_findings,
)
from _data_lists import (
    Sheet,
    folder_findings,
    id_findings,
    is_taught,
    list_findings,
    overlaps,
)
from _data_memory import HOW, estimate
from _data_parts import LABELED, TEST, UNLABELED, VAL, read_parts
from mmengine.config import Config, DictAction

SUMMARY, _, EPILOG = (__doc__ or '').partition('\n\n')
MIB = 2**20


def positive(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} must be 1 or more')
    return int(text)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=SUMMARY, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of the config')
    parser.add_argument('--json', type=Path, metavar='OUT', dest='out',
                        help='write findings and numbers here')
    parser.add_argument('--fix-lists', action='store_true',
                        help='write NAME.fixed.txt beside each list that has '
                        'broken, repeated or leaked images, without them')
    parser.add_argument('--open-hidden-masks', action='store_true',
                        help='look into the masks of unlabelled images, too '
                        '(tags are compared with them)')
    parser.add_argument('--workers', type=positive, metavar='N',
                        default=min(os.cpu_count() or 1, 8),
                        help='processes that decode (default: %(default)s)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        metavar='KEY=VALUE', help='override keys')
    return parser.parse_args()


def find(cfg: Config, path: str, sheets: List[Sheet],
         hidden: bool) -> List[Finding]:
    """All findings but those of the memory.

    Args:
        cfg (Config): The config.
        path (str): Its path.
        sheets (list[Sheet]): Parts and facts.
        hidden (bool): Whether masks of unlabelled images were opened.
    """
    tagged = bool(cfg.train_dataloader.dataset.get('tag_file'))
    result = config_findings(cfg, try_heads=True)
    lone = {role: lone_class(sheets, role)
            for role in (LABELED, UNLABELED, VAL, TEST)}
    for role, found in lone.items():
        result += found or balance_findings(sheets, role)
    for sheet in sheets:
        part = sheet.part
        result += file_findings(part, sheet.facts, hidden,
                                bool(lone[part.role]))
        result += list_findings(sheet)
        result += folder_findings(part)
        if part.role == UNLABELED:
            result += id_findings(part, tagged)
        if part.role in (LABELED, UNLABELED):
            result += crop_findings(cfg, sheet)
    result += [f for *_, f in overlaps(sheets, is_taught(cfg, sheets))]
    result += number_findings(cfg, sheets)
    result += tag_findings(cfg, sheets)
    return result + batch_findings(cfg, path, sheets)


def memory(cfg: Config, path: str, sheets: List[Sheet],
           findings: List[Finding]) -> Dict[str, float]:
    """The estimate in bytes; says so in ``findings`` where there is none."""
    key = 'model'
    parts = [s.part for s in sheets if s.part.role == LABELED]
    if not parts:  # said elsewhere
        return {}
    crop = crop_size(cfg, parts[0])
    if crop is None:
        findings.append(Finding(NOTE, key, 'no fixed crop: the memory of a '
                                'step is not estimated'))
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # sizes that do not align
            return estimate(cfg, batch(cfg, path), crop)
    except (Exception, SystemExit) as error:  # networks of any kind
        findings.append(Finding(
            NOTE, key, 'the memory of a step is not estimated: the network '
            f'does not run on a small crop: {type(error).__name__}: {error}'))
        return {}


def print_numbers(result: Dict[str, Any]) -> None:
    """Tables of lists, classes and memory."""
    print_table(['list', 'images', 'masks read', 'height x width, median',
                 'largest'],
                [[key, row['images'], row['masks'], row['median'],
                  row['largest']] for key, row in result['lists'].items()])
    for key, rows in result['classes'].items():
        if rows:
            print_table([f'class in {key}', 'pixels', 'share', 'images'],
                        [[r['name'], r['pixels'], f'{100 * r["share"]:.2f} %',
                          r['images']] for r in rows])
    if result['memory']:
        print_table(['memory of a step on one GPU', 'MiB'],
                    [[k, f'{v / MIB:.0f}']
                     for k, v in result['memory'].items()])
        print(f'estimate: {HOW}')


def sizes(sheet: Sheet) -> Dict[str, Any]:
    """Numbers of a list."""
    known = sorted((f.size for f in sheet.facts if f.size),
                   key=lambda size: size[0] * size[1])
    text = [f'{h} x {w}' for h, w in known]
    return dict(
        images=len(sheet.facts),
        masks=sum(f.counts is not None for f in sheet.facts),
        median=text[len(text) // 2] if text else '-',
        largest=text[-1] if text else '-')


def main() -> None:
    """Check, print, write, and end with 1 if there are errors."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    if not cfg.get('train_dataloader') or not cfg.get('model'):
        raise SystemExit(f'error: {args.config}: train_dataloader or model is '
                         'missing; give a config that can be trained')
    parts, findings = read_parts(cfg)
    facts = inspect_all(parts, args.open_hidden_masks, args.workers)
    sheets = [Sheet(part, facts[part.key]) for part in parts]
    findings += find(cfg, args.config, sheets, args.open_hidden_masks)
    numbers = memory(cfg, args.config, sheets, findings)
    result = dict(
        config=args.config, counts=count(findings),
        findings=[f._asdict() for f in findings],
        lists={s.part.key: sizes(s) for s in sheets},
        classes={s.part.key: balance(s) for s in sheets}, memory=numbers)
    print_numbers(result)
    print_findings(findings)
    if args.out:
        write_json(args.out, result)
    if args.fix_lists:
        _data_fix.write(_data_fix.plan(cfg, sheets, is_taught(cfg, sheets)))
    raise SystemExit(int(any(f.level == ERROR for f in findings)))


if __name__ == '__main__':
    main()
