"""Let torchvision's Python part import beside a CPU build of torch."""

import sys
import warnings
from importlib.util import find_spec
from typing import List

import torch

_OPERATORS = ('nms', 'qnms')
_SCHEMA = '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'
_libraries: List[torch.library.Library] = []  # lives as long as its schemas


def import_torchvision() -> None:
    """Import torchvision where its compiled operators cannot load.

    mmpretrain and the maintained MMSegmentation import torchvision for its
    Python part. PyPI has it for CUDA alone; beside a CPU build of torch the
    operators are missing and the import stops at the first one that it
    describes. Declaring their schemas lets the import finish; calling one of
    them still fails. Does nothing where torchvision is absent or works.
    """
    if find_spec('torchvision') is None:
        return
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if 'operator torchvision::' not in str(error):
            raise
        for name in list(sys.modules):  # half imported
            if name.split('.')[0] == 'torchvision':
                del sys.modules[name]
        library = torch.library.Library('torchvision', 'FRAGMENT')
        _libraries.append(library)
        for name in _OPERATORS:
            library.define(name + _SCHEMA)
        import torchvision  # noqa: F401
        warnings.warn(
            f'the compiled operators of torchvision {torchvision.__version__} '
            f'do not load beside torch {torch.__version__} (a CUDA build '
            'beside a CPU build?); its Python part is used without them',
            stacklevel=2)
