"""Join processes around a model whose frozen weights are frozen already."""

from typing import Any, List, Optional

from mmengine.model import MMDistributedDataParallel
from mmengine.registry import MODEL_WRAPPERS
from torch import nn


# In MMEngine's own registry: a Runner asks that one, whatever the scope.
@MODEL_WRAPPERS.register_module()
class FrozenFirstDistributedDataParallel(MMDistributedDataParallel):
    """The stock wrapper, behind ``model.train()``.

    Many backbones freeze their first stages in ``train()``, which MMEngine's
    loop calls after it has wrapped the model. The stock wrapper then waits
    for gradients of frozen weights, and the second iteration ends with
    "Expected to have finished reduction in the prior iteration". Here they
    are frozen before the wrapper looks for weights to learn.

    Args:
        module (nn.Module): On its device.
        device_ids (list[int], optional): As in torch; of no use, and left
            out, where ``module`` is on the CPU. A Runner gives every wrapper
            ``LOCAL_RANK``.
        broadcast_buffers (bool): As in torch. ``False`` as in the wrapper
            that MMEngine makes where a config names none.
        gradient_as_bucket_view (bool): As in torch, whose default ``False``
            holds every gradient twice.
        **kwargs: Of ``MMDistributedDataParallel``.
    """

    def __init__(self,
                 module: nn.Module,
                 device_ids: Optional[List[int]] = None,
                 broadcast_buffers: bool = False,
                 gradient_as_bucket_view: bool = True,
                 **kwargs: Any) -> None:
        module.train()
        if next(module.parameters()).device.type == 'cpu':
            device_ids = None
        super().__init__(
            module,
            device_ids=device_ids,
            broadcast_buffers=broadcast_buffers,
            gradient_as_bucket_view=gradient_as_bucket_view,
            **kwargs)
