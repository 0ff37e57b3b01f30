"""Convolutions over single positions, as products."""

from torch import Tensor


def kernel_matrix(weight: Tensor) -> Tensor:
    """The weight of a 1 x 1 convolution as a matrix.

    Behind ``flatten`` the gradient would have the strides of a contiguous
    weight. Distributed training compares strides, those of the two dimensions
    of size 1 as well, and warns where weights are in channels_last.

    Args:
        weight (Tensor): (C', C, 1, 1), contiguous or in channels_last.

    Returns:
        Tensor: A view, (C', C); its gradient is laid out as ``weight``.
    """
    rows, columns = weight.shape[:2]
    return weight.as_strided((rows, columns), (columns, 1))
