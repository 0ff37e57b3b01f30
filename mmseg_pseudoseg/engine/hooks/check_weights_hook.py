"""No test, and no resumed run, with layers left at random."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...weights import check_classes, check_weights


@HOOKS.register_module()
class CheckWeightsHook(Hook):
    """Refuse a checkpoint of another network, or of other classes.

    A stock Runner loads the weights that fit and logs the others. That is
    what fine-tuning wants (``load_from``); a test, or a resumed run, would go
    on with random layers. ``tools/`` put this hook in where a checkpoint must
    fit.

    Args:
        whole (bool): Whether the parts that only training has must fit, too:
            True to resume, False to test.

    Raises:
        ValueError: As the checkpoint is loaded, before anything is computed.
    """

    def __init__(self, whole: bool = False) -> None:
        self.whole = whole

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare the checkpoint with the network and the data set."""
        name = runner.cfg.get('load_from') or f'last of {runner.work_dir}'
        check_weights(runner.model, checkpoint, name, runner.cfg.filename,
                      self.whole)
        loader = (runner.train_dataloader if self.whole else
                  runner.test_dataloader)
        check_classes(checkpoint, loader.dataset.metainfo.get('classes') or (),
                      name)
