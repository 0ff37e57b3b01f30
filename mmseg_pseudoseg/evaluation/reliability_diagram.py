"""Reliability diagrams: accuracy against confidence, bin by bin."""

import math
from typing import TYPE_CHECKING, Dict

from .calibration import Bins, expected_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def reliability_diagram(diagrams: Dict[str, Bins],
                        columns: int = 4) -> 'Figure':
    """Draw a panel for each prediction.

    Bars are the accuracy of a bin, the dashed diagonal is perfect
    calibration (a bar below it: too sure), grey steps are the bin's share of
    the pixels. The figure needs no display and leaves pyplot alone.

    Args:
        diagrams (dict[str, Bins]): Title -> bins (B,).
        columns (int): Panels in a row, at most.

    Returns:
        Figure: To be saved with ``savefig``.
    """
    from matplotlib.figure import Figure  # half a second of every start
    columns = min(columns, len(diagrams))
    rows = math.ceil(len(diagrams) / columns)
    figure = Figure(figsize=(2.4 * columns, 2.6 * rows), layout='constrained')
    panels = figure.subplots(
        rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
    for panel in panels[len(diagrams):]:
        panel.set_visible(False)
    for panel, (title, bins) in zip(panels, diagrams.items()):
        _draw(panel, bins)
        panel.set_title(
            f'{title}\nECE {100 * float(expected_error(bins)):.1f} %',
            fontsize=9)
    figure.supxlabel('confidence', fontsize=9)
    figure.supylabel('accuracy (bars), share of pixels (grey)', fontsize=9)
    return figure


def _draw(panel: 'Axes', bins: Bins) -> None:
    """One panel."""
    number = len(bins.count)
    count = bins.count.double()
    edges = [b / number for b in range(number + 1)]
    accuracy = bins.right / count.clamp(min=1)
    panel.bar(edges[:-1], accuracy.tolist(), 1 / number, align='edge',
              color='tab:blue', edgecolor='white', linewidth=0.5)
    panel.stairs((count / count.sum().clamp(min=1)).tolist(), edges,
                 color='0.35')
    panel.plot([0, 1], [0, 1], '--', color='tab:red', linewidth=1)
    panel.set(xlim=(0, 1), ylim=(0, 1))
    panel.tick_params(labelsize=7)
