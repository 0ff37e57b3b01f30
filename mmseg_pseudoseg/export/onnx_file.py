"""A network as an ONNX file, checked with onnxruntime."""

import inspect
import json
import warnings
from pathlib import Path
from typing import Any, Dict, Sequence, Tuple

import numpy as np
import torch
from mmseg.models.utils import resize
from torch import Tensor, nn

OPSET = 17
NAMES = ('image', 'logits')
TOLERANCE = 1e-3  # of the largest logit


class Logits(nn.Module):
    """From an image to logits of its size; normalisation is inside.

    The stock ``forward`` takes normalised images, and gives logits of the
    decode head's size.

    Args:
        model (nn.Module): A segmentor: encoder and decoder, or a cascade.
        preprocessor (dict): Config of its data preprocessor.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, preprocessor: dict) -> None:
        super().__init__()
        self.model: Any = model
        # The loader gives BGR, which one of these reverses.
        self.takes_rgb = bool(preprocessor.get('bgr_to_rgb')
                              or preprocessor.get('rgb_to_bgr'))
        for name, default in (('mean', 0.), ('std', 1.)):
            values = preprocessor.get(name) or [default] * 3
            self.register_buffer(name, torch.tensor(
                [float(v) for v in values]).view(1, -1, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Logits of an image.

        Args:
            image (Tensor): RGB, 0 to 255, float32, (N, 3, H, W).

        Returns:
            Tensor: (N, C, H, W).
        """
        values = image if self.takes_rgb else image.flip(1)
        feats = self.model.extract_feat((values - self.mean) / self.std)
        heads = self.model.decode_head
        heads = heads if isinstance(heads, nn.ModuleList) else [heads]
        logits = heads[0](feats)
        for head in heads[1:]:
            logits = head(feats, logits)
        return resize(logits, image.shape[2:], mode='bilinear',
                      align_corners=self.model.align_corners, warning=False)


def _export(network: Logits, image: Tensor, path: Path, free: bool) -> None:
    """Trace the network; ``free`` leaves batch, height and width open."""
    axes = {0: 'batch', 2: 'height', 3: 'width'}
    options: Dict[str, Any] = dict(
        dynamic_axes={name: axes for name in NAMES} if free else None)
    if 'dynamo' in inspect.signature(torch.onnx.export).parameters:
        options['dynamo'] = False  # where there is no other way, no word
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # int() of sizes, in messages alone
        torch.onnx.export(
            network, (image,), str(path), input_names=[NAMES[0]],
            output_names=[NAMES[1]], opset_version=OPSET, **options)


@torch.no_grad()
def write_onnx(network: Logits, path: Path, size: Tuple[int, int],
               classes: Sequence[str]) -> Tuple[bool, float]:
    """Write a network and compare it with what onnxruntime makes of it.

    Args:
        network (Logits): In whichever mode; it is set to evaluation.
        path (Path): The file.
        size (tuple[int, int]): Height and width of the image to trace with.
        classes (Sequence[str]): Their names go into the file's metadata.

    Returns:
        tuple[bool, float]: Whether images of other sizes can be put in, and
        the largest difference of a logit.

    Raises:
        ImportError: If onnx or onnxruntime is missing.
        RuntimeError: If torch cannot write it, or the results differ.
    """
    import onnx
    network.eval()
    generator = torch.Generator().manual_seed(0)

    def image(height: int, width: int, number: int = 1) -> Tensor:
        return 255 * torch.rand(number, 3, height, width, generator=generator)

    free = True
    try:
        _export(network, image(*size), path, free)
    except Exception:  # pooling to several cells needs a known size
        free = False
        _export(network, image(*size), path, free)
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, dict(
        classes=json.dumps(list(classes)),
        input='RGB, 0 to 255, float32, (N, 3, H, W)'))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    images = [image(*size)]
    if free:
        images.append(image(size[0] + 24, size[1] + 40, 2))
    worst = max(_difference(network, path, one) for one in images)
    if not worst < TOLERANCE:
        path.unlink()
        raise RuntimeError(
            f'{path}: onnxruntime differs from torch by {worst:.2g} of the '
            'largest logit, so the file was removed')
    return free, worst


def _difference(network: Logits, path: Path, image: Tensor) -> float:
    """Largest difference, as a share of the largest logit."""
    import onnxruntime
    session = onnxruntime.InferenceSession(
        str(path), providers=['CPUExecutionProvider'])
    found, = session.run([NAMES[1]], {NAMES[0]: image.numpy()})
    expected = network(image).numpy()
    return float(np.abs(found - expected).max() / np.abs(expected).max())
