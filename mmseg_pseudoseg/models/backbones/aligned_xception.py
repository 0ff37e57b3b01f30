"""Xception as DeepLab uses it."""

from typing import Any, Optional, Sequence

from mmseg.models.backbones import TIMMBackbone
from mmseg.registry import MODELS
from torch.nn.modules.batchnorm import _BatchNorm


@MODELS.register_module()
class AlignedXception(TIMMBackbone):
    """DeepLab's Xception: timm's layers, the maps that the authors take.

    The stock ``TIMMBackbone`` gives timm's maps, which are the inputs of the
    strided convolutions: behind a ReLU, and for the exit flow from inside its
    first block, without the shortcut. DeepLab's decoder takes the entry
    flow's maps before that ReLU, and PseudoSeg's hypercolumn takes the exit
    flow's blocks as a whole (googleinterns/wss, ``feature_extractor.py`` and
    ``train_utils_core.py``). Names of the weights are those of the stock
    wrapper with ``features_only=True``.

    Maps of Xception-65 at output stride 16, each (N, D, H / s, W / s):

    ===== ==== == =========================================================
    index D    s  from
    ===== ==== == =========================================================
    0     128  2  entry flow, block 1: second separable convolution, no ReLU
    1     256  4  entry flow, block 2: the same (DeepLab's low-level map)
    2     728  8  entry flow, block 3: the same
    3     1024 16 exit flow, block 1: sum with the shortcut, no ReLU
    4     2048 16 exit flow, block 2: after batch norm and ReLU
    ===== ==== == =========================================================

    Args:
        model_name (str): A network of timm's ``xception_aligned``, such as
            ``'xception65.tf_in1k'`` (DeepLab's weights); not the variants
            that activate first (``xception65p``). Its weights are loaded by
            ``init_cfg`` alone.
        output_stride (int): 8, 16 or 32.
        out_indices (Sequence[int]): Which of the five maps to give; they come
            in the order of the network.
        bn_momentum (float): Of all batch norms. 3e-4 is the authors' decay
            0.9997; timm's own is 0.1.
        in_channels (int): Channels of the image.
        init_cfg (dict, optional): ``dict(type='TIMMPretrained')`` for timm's
            weights.
        **kwargs: Further arguments of ``timm.create_model``.

    Raises:
        ImportError: If timm is not installed.
        ValueError: If ``model_name`` is no such network.
    """

    timm_model: Any

    def __init__(self,
                 model_name: str = 'xception65.tf_in1k',
                 output_stride: int = 16,
                 out_indices: Sequence[int] = (1, 2, 3, 4),
                 bn_momentum: float = 3e-4,
                 in_channels: int = 3,
                 init_cfg: Optional[dict] = None,
                 **kwargs: Any) -> None:
        try:
            from timm.models import FeatureHookNet
        except ImportError as error:
            raise ImportError("model.backbone.type='AlignedXception' needs "
                              'timm: pip install "timm>=1.0"') from error
        super().__init__(
            model_name, features_only=False, pretrained=False,
            in_channels=in_channels, init_cfg=init_cfg,
            output_stride=output_stride, **kwargs)
        whole = self.timm_model
        take_authors_maps(whole, model_name, out_indices)
        self.timm_model = FeatureHookNet(
            whole, out_indices=tuple(out_indices), flatten_sequential=True)
        self.timm_model.pretrained_cfg = whole.pretrained_cfg
        for module in self.modules():
            if isinstance(module, _BatchNorm):
                module.momentum = bn_momentum


def take_authors_maps(network: Any, model_name: str,
                      out_indices: Sequence[int]) -> None:
    """Have the authors' maps stand in a network's ``feature_info``.

    Args:
        network (XceptionAligned): Of timm; changed in place.
        model_name (str): Its name, for the message.
        out_indices (Sequence[int]): Which maps will be taken.

    Raises:
        ValueError: If it is another network, or activates first.
    """
    from timm.models import XceptionAligned
    if not isinstance(network, XceptionAligned) or not hasattr(
            network.blocks[0].stack, 'act3'):
        raise ValueError(
            f'model.backbone.model_name={model_name!r}: AlignedXception takes '
            "timm's xception41, xception65 and xception71, without p at the "
            'end; any other network of timm is type="TIMMBackbone"')
    *entry, exit_block, last = network.feature_info
    taken = {k % len(network.feature_info) for k in out_indices}
    for index, info in enumerate(entry):
        block = info['module'].split('.stack')[0]
        info['module'] = f'{block}.stack.conv2'
        if index in taken:  # else the ReLU would write into the map
            relu: Any = network.get_submodule(f'{block}.stack.act3')
            relu.inplace = False
    block = exit_block['module'].split('.stack')[0]
    exit_block.update(
        module=block, reduction=last['reduction'],
        num_chs=network.get_submodule(block).out_channels)
