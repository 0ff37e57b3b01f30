"""Keep pretrained normalisation statistics in training."""

from typing import Optional

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch.nn.modules.batchnorm import _BatchNorm


@HOOKS.register_module()
class NormEvalHook(Hook):
    """Run a part's batch norm with its running statistics while training.

    Most backbones of MMSegmentation have ``norm_eval`` for it;
    ``TIMMBackbone`` has not.

    Args:
        part (str): Attribute of the segmentor.
    """

    def __init__(self, part: str = 'backbone') -> None:
        self.part = part

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: Optional[dict] = None) -> None:
        """Set the mode anew: the loop calls ``model.train()`` each time."""
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        for module in getattr(model, self.part).modules():
            if isinstance(module, _BatchNorm):
                module.eval()
