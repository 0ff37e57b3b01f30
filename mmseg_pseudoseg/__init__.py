"""PseudoSeg for MMSegmentation: importing this package registers it all."""

from importlib.util import find_spec

from .version import __version__

if find_spec('mmseg') is None:
    raise ImportError(
        'mmseg_pseudoseg needs MMSegmentation 1.x: run `pip install '
        '"mmseg-pseudoseg[openmmlab]"`, or install your own mmsegmentation '
        'and mmcv.')

from .stock_imports import import_mmseg  # noqa: E402
from .torchvision_ops import import_torchvision  # noqa: E402

import_torchvision()  # before mmseg imports it
import_mmseg()

from . import datasets, engine, evaluation, models, visualization  # noqa: E402
from .checkpoint import allow_mmengine_checkpoints  # noqa: E402

allow_mmengine_checkpoints()

__all__ = ['__version__', 'datasets', 'engine', 'evaluation', 'models',
           'visualization']
