"""A visualizer that costs nothing until it draws."""

import math
from typing import Any, Tuple

import numpy as np
from mmengine.dist import master_only
from mmseg.registry import VISUALIZERS
from mmseg.visualization import SegLocalVisualizer


class NoFigure:
    """In place of a figure that is not made yet."""

    def get_dpi(self) -> float:
        """As matplotlib's ``Figure`` has it; not known yet."""
        return math.nan


@VISUALIZERS.register_module()
class LazySegLocalVisualizer(SegLocalVisualizer):
    """The stock visualizer, with its figure made for the first picture.

    The stock one makes a figure whenever a Runner is built. That imports
    matplotlib, half a second of every start, for runs that draw nothing.
    Arguments and pictures are those of ``SegLocalVisualizer``.
    """

    # MMEngine declares them as None.
    fig_save: Any
    fig_save_canvas: Any
    ax_save: Any

    @master_only
    def set_image(self, image: np.ndarray) -> None:
        """Begin a picture; everything that is drawn is drawn on one.

        Args:
            image (np.ndarray): RGB, (H, W, 3), 0 to 255.
        """
        if isinstance(self.fig_save, NoFigure):
            (self.fig_save_canvas, self.fig_save,
             self.ax_save) = super()._initialize_fig(self.fig_save_cfg)
            self.dpi = self.fig_save.get_dpi()
        super().set_image(image)

    def _initialize_fig(self, fig_cfg: dict) -> Tuple[None, NoFigure, None]:
        """Make no figure yet."""
        return None, NoFigure(), None


# mmseg 1.2's SegVisualizationHook asks the stock class for its instance.
LazySegLocalVisualizer._instance_dict = SegLocalVisualizer._instance_dict
