"""Run the tools as a user would, on shipped configs made small."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, Optional

from mmengine.config import Config, ConfigDict

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / 'tools'
CROP = 65


def shrink(node: object) -> None:
    """Small crops, boxes and networks, no worker, wherever they stand."""
    if isinstance(node, (list, tuple)):
        for item in node:
            shrink(item)
    if not isinstance(node, dict):
        return
    small = dict(crop_size=(CROP, CROP), canvas=(CROP, CROP),
                 scales=[(80, 80)], num_workers=0, persistent_workers=False,
                 depth=18)
    node.update({key: small[key] for key in node.keys() & small.keys()})
    if node.get('type') == 'CutOut':
        node['size'] = 12
    for value in node.values():
        shrink(value)


def tiny_config(name: str, data_root: Path, path: Path) -> Path:
    """Write a VOC config with ResNet-18, 2 + 2 images and 65 x 65 crops.

    Args:
        name (str): The shipped config, relative to ``configs``.
        data_root (Path): The data set.
        path (Path): The file to write.

    Returns:
        Path: ``path``.
    """
    cfg = Config.fromfile(ROOT / 'configs' / name)
    shrink(cfg._cfg_dict)
    model: ConfigDict = cfg.model
    model.pretrained = None
    model.data_preprocessor.update(
        size=(CROP, CROP), test_cfg=dict(size=(CROP, CROP)))
    model.decode_head.update(in_channels=512, channels=16, c1_in_channels=64,
                             c1_channels=8)
    if 'sgc_head' in model:
        model.sgc_head.update(in_channels=(256, 512), channels=8)
    train = cfg.train_dataloader
    train.batch_size //= 4
    parts = [p for k, p in train.dataset.items() if k.endswith('labeled')]
    for part in [*(parts or [train.dataset]), cfg.val_dataloader.dataset,
                 cfg.test_dataloader.dataset]:
        part.data_root = str(data_root)
    cfg.train_cfg.update(max_iters=3, val_interval=3)
    cfg.param_scheduler[0].end = 10
    cfg.default_hooks.logger.interval = 1
    cfg.default_hooks.checkpoint.interval = 2
    cfg.dump(path)
    return path


def run(*command: object, cwd: Path, ok: bool = True,
        env: Optional[Dict[str, str]] = None) -> str:
    """Run a command with one thread; its output, after checking its end.

    Launchers take this Python, whatever ``make test PYTHON=...`` exports.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent),
                            os.environ['PATH']])
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900,
        env={**os.environ, 'PATH': path, 'OMP_NUM_THREADS': '1',
             'CUDA_VISIBLE_DEVICES': '', 'PYTHON': '', **(env or {})})
    assert (done.returncode == 0) == ok, done.stdout[-5000:]
    return done.stdout


def tool(name: str, *args: object, cwd: Path, ok: bool = True) -> str:
    """Run ``tools/NAME`` with this Python."""
    return run(sys.executable, TOOLS / name, *args, cwd=cwd, ok=ok)
