"""Which outputs of a backbone form the hypercolumn."""

from typing import List, NamedTuple, Sequence, Tuple, Union

from torch import Tensor

Output = Union[Tensor, Sequence[Tensor]]


class Stage(NamedTuple):
    """One output of a backbone, or of the neck behind it.

    Attributes:
        position (int): Among the outputs, counted from 0.
        channels (int): Of its map.
        stride (float): Pixels of the image from one position to the next.
    """

    position: int
    channels: int
    stride: float


def stage_map(output: Output) -> Tensor:
    """The map of one output.

    Vision transformers with ``output_cls_token=True`` put a pair in its
    place, the map and the class token.

    Args:
        output (Tensor | Sequence[Tensor]): A map, or such a pair.

    Returns:
        Tensor: (N, D, h, w).
    """
    return output if isinstance(output, Tensor) else output[0]


def split_feats(outputs: Sequence[Output],
                sizes: Sequence[int]) -> List[Tuple[Output, ...]]:
    """Undo a concatenation of batches in all outputs of a network.

    Args:
        outputs (Sequence): Each a map (sum of ``sizes``, D, h, w), or a pair
            as for :func:`stage_map`.
        sizes (Sequence[int]): Images of each batch.

    Returns:
        list[tuple]: The outputs for each batch.
    """
    return list(zip(*(
        output.split(list(sizes)) if isinstance(output, Tensor)
        else split_feats(output, sizes) for output in outputs)))


def find_stages(outputs: Sequence[Output], size: int) -> List[Stage]:
    """Channels and stride of every output.

    Args:
        outputs (Sequence): What the network gave for square images.
        size (int): Their height and width.

    Returns:
        list[Stage]: In the order of ``outputs``.

    Raises:
        ValueError: If there is no output, or one is not a map.
    """
    if not isinstance(outputs, (tuple, list)):
        raise ValueError(f'gives a {type(outputs).__name__}, not a list or '
                         'tuple of maps (N, D, h, w)')
    if not outputs:
        raise ValueError('gives an empty list, no map (N, D, h, w)')
    stages = []
    for index, output in enumerate(outputs):
        pair = isinstance(output, (tuple, list)) and output
        plane = stage_map(output) if pair else output
        if not isinstance(plane, Tensor) or plane.dim() != 4:
            found = (f'a tensor of shape {tuple(plane.shape)}' if isinstance(
                plane, Tensor) else f'a {type(plane).__name__}')
            raise ValueError(f'gives {found} as output {index}, not a map '
                             '(N, D, h, w)')
        stages.append(Stage(index, plane.shape[1], size / plane.shape[3]))
    return stages


def hypercolumn(stages: Sequence[Stage]) -> Tuple[Stage, ...]:
    """The last two stages of the hierarchy, the coarser one last.

    The hierarchy is ordered by resolution, not by position: some networks
    (UNet) give the coarsest map first. Where resolutions are equal (dilated
    ResNets, plain vision transformers), the order of the outputs decides.

    Args:
        stages (Sequence[Stage]): Of :func:`find_stages`.

    Returns:
        tuple[Stage, ...]: Two, or the only one there is.
    """
    return tuple(sorted(stages, key=lambda stage: stage.stride)[-2:])
