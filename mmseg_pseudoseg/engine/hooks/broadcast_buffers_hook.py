"""Validate the network that the checkpoint holds."""

from mmengine.dist import broadcast, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class BroadcastBuffersHook(Hook):
    """Give all ranks the buffers of rank 0 before a validation.

    With plain batch norm each rank has running statistics of its own, and a
    checkpoint those of rank 0 (so have the authors). Without this hook each
    rank would validate its share of the images with its own, and the result
    would be that of no checkpoint. The stock ``SyncBuffersHook`` averages, and
    only at the end of an epoch.
    """

    def before_val_epoch(self, runner: Runner) -> None:
        """Overwrite the buffers of the other ranks."""
        if get_world_size() > 1:
            for buffer in runner.model.buffers():
                broadcast(buffer)
