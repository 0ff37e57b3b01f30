"""Masks for self-training: what a trained teacher is sure of."""

import argparse
import hashlib
import json
from pathlib import Path
from typing import List, Tuple

from _cli import add_common_arguments, load_config
from mmengine.config import Config
from mmengine.dist import (
    barrier,
    init_dist,
    is_distributed,
    is_main_process,
)
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_pseudoseg.datasets.image_names import output_names
from mmseg_pseudoseg.datasets.lists import check_list
from mmseg_pseudoseg.datasets.without_masks import without_masks
from mmseg_pseudoseg.engine import (
    CheckWeightsHook,
    ScreenRunner,
    leave_process_group,
)
from mmseg_pseudoseg.engine.sentences import ending_in_a_sentence


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='Runs the test loop of the config over the list. Masks that '
        'are there already are kept, so that a run that was stopped '
        'continues; DIR/source.json says which checkpoint they come from.')
    add_common_arguments(parser, 'labels')
    parser.add_argument('checkpoint', help="path of the teacher's checkpoint")
    parser.add_argument(
        '--list', required=True, metavar='FILE', dest='ann_file',
        help='images to label, one id a line; relative to the data_root of '
        'the config unless absolute')
    parser.add_argument(
        '--out', type=Path, metavar='DIR',
        help='folder of the masks; default: pseudo_labels/NAME_OF_THE_CONFIG '
        'below the data_root')
    parser.add_argument(
        '--threshold', type=float, default=0.5,
        help='confidence above which a pixel keeps its class; others are 255 '
        '(default: %(default)s)')
    return parser.parse_args()


def select_images(cfg: Config, ann_file: str,
                  out: Path) -> Tuple[List[int], str]:
    """Make the test dataset that of the list.

    Args:
        cfg (Config): Its test dataset is changed.
        ann_file (str): The list.
        out (Path): Folder of the masks.

    Returns:
        tuple[list[int], str]: Positions in the list of the images that have
        no mask yet; the folder of the images.

    Raises:
        SystemExit: If there is no such list, it is empty, it is no list, or
            two of its images would have one mask.
    """
    part = cfg.test_dataloader.dataset
    path = Path(part.data_root, ann_file)
    if not path.is_file() or not path.read_bytes().strip():
        raise SystemExit(f'error: --list {path}: no such file, or no image in '
                         'it')
    try:
        check_list(str(path))
    except ValueError as error:
        raise SystemExit(f'error: --list {error}') from error
    part.ann_file = ann_file
    part.pipeline = without_masks(part.pipeline)
    part.test_mode = True
    dataset = DATASETS.build(part)
    try:
        names = output_names(dataset)
    except ValueError as error:
        raise SystemExit(f'error: --list {path}: {error}') from error
    images = [dataset.get_data_info(i)['img_path']
              for i in range(len(dataset))]
    todo = [i for i, image in enumerate(images)
            if not (out / f'{names[image]}.png').is_file()]
    return todo, dataset.data_prefix['img_path']


def claim_folder(out: Path, source: dict) -> None:
    """Mark the folder as of this teacher.

    Args:
        out (Path): Folder of the masks.
        source (dict): Config, checkpoint and threshold.

    Raises:
        SystemExit: If it holds what another one made.
    """
    path = out / 'source.json'
    if path.is_file():
        there = json.loads(path.read_text())
        if there != source:
            raise SystemExit(
                f'error: {out} holds masks of {there}, not of {source}: give '
                'another --out, or delete the folder')
    elif out.is_dir() and any(out.iterdir()):
        raise SystemExit(f'error: {out} holds files that this tool did not '
                         'make: give another --out')
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(source, indent=1) + '\n')


def checksum(path: str) -> str:
    """First 16 hex digits of a file's sha256."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


@ending_in_a_sentence()
def main() -> None:
    """Label what is not labelled yet."""
    args = parse_args()
    if not Path(args.checkpoint).is_file():
        raise SystemExit(f'error: checkpoint {args.checkpoint}: no such file')
    cfg = load_config(args)
    cfg.load_from = args.checkpoint
    init_default_scope(cfg.default_scope)
    if cfg.launcher != 'none' and not is_distributed():
        init_dist(cfg.launcher, **cfg.env_cfg.dist_cfg)
    root = Path(cfg.test_dataloader.dataset.data_root)
    out = args.out or root / 'pseudo_labels' / Path(args.config).stem
    todo, img_dir = select_images(cfg, args.ann_file, out)
    if is_main_process():
        print(f'to write: {len(todo)} masks in {out}')
        claim_folder(out, dict(config=Path(args.config).stem,
                               checkpoint=checksum(args.checkpoint),
                               threshold=args.threshold))
    barrier()
    if todo:
        cfg.test_dataloader.dataset.indices = todo
        cfg.test_evaluator = dict(type='PseudoLabelWriter', out_dir=str(out),
                                  threshold=args.threshold, img_dir=img_dir)
        runner = ScreenRunner.from_cfg(cfg)
        runner.register_hook(CheckWeightsHook())
        runner.test()
    leave_process_group()


if __name__ == '__main__':
    main()
