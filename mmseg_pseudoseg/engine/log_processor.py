"""Lines of the log that can be read."""

from typing import Any, Sequence, Tuple

from mmengine.runner import LogProcessor, Runner
from mmseg.registry import LOG_PROCESSORS


@LOG_PROCESSORS.register_module()
class ShortLogProcessor(LogProcessor):
    """Leave figures out of the lines of the log that only curves can tell.

    The stock one writes all. What is left out is in ``vis_data/scalars.json``
    and TensorBoard.

    Args:
        hidden (Sequence[str]): What names of such figures begin with; an
            empty one hides nothing.
        **kwargs: Of ``LogProcessor``.
    """

    def __init__(self, hidden: Sequence[str] = ('pseudo.share.', ),
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden = tuple(hidden)

    def get_log_after_iter(self, runner: Runner, batch_idx: int,
                           mode: str) -> Tuple[dict, str]:
        """Make a line.

        Args:
            runner (Runner): Of the iteration.
            batch_idx (int): Index of its batch.
            mode (str): 'train', 'val' or 'test'.

        Returns:
            tuple[dict, str]: All figures, and the line.
        """
        figures, line = super().get_log_after_iter(runner, batch_idx, mode)
        return figures, '  '.join(part for part in line.split('  ')
                                  if not part.startswith(self.hidden))
