"""Write COCO's instances as masks of 81 classes.

Reads DATA_ROOT/annotations/instances_SET.json and writes
DATA_ROOT/masks81/SET/<12-digit image id>.png, uint8: 0 is background, 1 to 80
are the things in the order of COCO's category ids, 255 is ignored. Rules:

- Where instances overlap, the smaller one wins (by pixels of its own mask; of
  equal ones that with the lower annotation id).
- A crowd (iscrowd=1) becomes 255 where no other instance covers the pixel.
- An image without annotations becomes background.

Masks that are there and complete are kept, so that an interrupted run can be
repeated. All annotations are checked before anything is written. At the end a
checksum is printed: of the lines "<12-digit id> <sha256 of the mask's
pixels>", sorted and joined by newlines, the first 16 hex digits of the sha256.
"""

import argparse
import os
from collections import Counter
from pathlib import Path
from typing import Dict, List, NamedTuple

import coco_rules as rules
from coco_files import (
    for_each,
    inspect_mask,
    load_coco,
    read_instances,
    write_mask,
)
from coco_rules import MaskRecord, Picture
from split_files import run_tool
from split_rules import SplitError
from voc_splits import split_name

SUMMARY, _, EPILOG = (__doc__ or '').partition('\n\n')


class Plan(NamedTuple):
    """What one set needs.

    Attributes:
        folder (Path): Of the masks.
        classes (dict[int, str]): Label -> name.
        pictures (list[Picture]): All images.
        kept (dict[str, MaskRecord]): Complete masks.
        faults (list[str]): What is wrong with other masks that are there.
    """

    folder: Path
    classes: Dict[int, str]
    pictures: List[Picture]
    kept: Dict[str, MaskRecord]
    faults: List[str]


def read_plan(args: argparse.Namespace, name: str) -> Plan:
    """Read the annotations of a set and the masks that are there."""
    classes, pictures = read_instances(args.data_root, name)
    folder = args.data_root / 'masks81' / name
    files = {path.stem for path in folder.glob('*.png')}
    foreign = files - {picture.name for picture in pictures}
    if foreign:
        raise SplitError(
            f'{folder}: {len(foreign)} masks belong to no image of '
            f'instances_{name}.json, the first is {min(foreign)}.png; move '
            'them elsewhere. Nothing was written')
    print(f'{name}: {len(pictures)} images, {len(files)} masks to look at')
    found = for_each(inspect_mask, [p for p in pictures if p.name in files],
                     folder, args.nproc)
    kept = {name: record for name, record in found.items()
            if isinstance(record, MaskRecord)}
    faults = [fault for fault in found.values() if isinstance(fault, str)]
    return Plan(folder, classes, pictures, kept, faults)


def announce(plans: Dict[str, Plan], force: bool) -> int:
    """Say what will be written; its number of masks."""
    print('to write:')
    total = 0
    for plan in plans.values():
        missing = len(plan.pictures) - len(plan.kept)
        total += missing
        print(f'  {plan.folder}: {missing - len(plan.faults)} new, '
              f'{len(plan.faults)} damaged, {len(plan.kept)} present')
    faults = [fault for plan in plans.values() for fault in plan.faults]
    if faults and not force:
        raise SplitError(
            f'{len(faults)} masks are not what they must be, the first: '
            f'{faults[0]}. Nothing was written; --force writes them anew')
    return total


def finish(name: str, plan: Plan, records: Dict[str, MaskRecord]) -> None:
    """Check the number of masks and report what they hold."""
    number = sum(1 for _ in plan.folder.glob('*.png'))
    if not number == len(records) == len(plan.pictures):
        raise SplitError(
            f'{plan.folder}: holds {number} masks, but instances_{name}.json '
            f'lists {len(plan.pictures)} images; run the tool again while no '
            'other process uses the folder')
    print(f'{name}: {number} masks, as many as images; checksum '
          f'{rules.set_checksum(records)}; images with each class:')
    counts = Counter(label for record in records.values()
                     for label in record.labels)
    for label, title in plan.classes.items():
        print(f'  {label:>2} {title:<16}{counts[label]:>7}')
    print(f'  with ignored pixels{counts[rules.IGNORE]:>7}')


def convert(args: argparse.Namespace) -> None:
    """Check everything, then write and report each set."""
    load_coco()
    plans = {name: read_plan(args, name) for name in dict.fromkeys(args.sets)}
    if not announce(plans, args.force):
        print('nothing to do: the masks are there already')
    for name, plan in plans.items():
        missing = [p for p in plan.pictures if p.name not in plan.kept]
        plan.folder.mkdir(parents=True, exist_ok=True)
        written = for_each(write_mask, missing, plan.folder, args.nproc)
        finish(name, plan, {**plan.kept, **written})


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
    parser.add_argument('data_root', type=Path, metavar='DATA_ROOT',
                        help='folder with annotations/instances_SET.json')
    parser.add_argument('--sets', type=split_name, nargs='+', metavar='SET',
                        default=['train2017', 'val2017'],
                        help='sets to convert (default: train2017 val2017)')
    parser.add_argument('--nproc', type=positive, metavar='N',
                        default=min(os.cpu_count() or 1, 8),
                        help='number of processes (default: %(default)s)')
    parser.add_argument('--force', action='store_true',
                        help='write masks anew that are unreadable, of '
                        "another size or with classes the image lacks; "
                        'complete ones are kept all the same')
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    run_tool(lambda: convert(args))


if __name__ == '__main__':
    main()
