"""Draw docs/figures/method.png: one training step, by the code's names."""

from pathlib import Path
from typing import Optional, Tuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

FILE = Path(__file__).parent / 'method.png'
GRADIENT = dict(arrowstyle='-|>', color='0.15', linewidth=1.3)
NO_GRADIENT = dict(GRADIENT, color='tab:red', linestyle=(0, (4, 2)))
# Name of a lane (a method of SemiSegmentor) -> bottom, top, colour.
LANES = {
    'loss_strong': (6.15, 8.0, '#fdf1e3'),
    'make_pseudo_labels': (2.95, 5.95, '#fbe9e9'),
    'loss_labeled': (0.0, 2.75, '#e8f1fa'),
}
Point = Tuple[float, float]


def box(axes: Axes, centre: Point, text: str, width: float = 2.1,
        height: float = 0.62, face: str = 'white') -> None:
    """A box with a text in it."""
    x, y = centre[0] - width / 2, centre[1] - height / 2
    axes.add_patch(FancyBboxPatch(
        (x, y), width, height, boxstyle='round,pad=0.02,rounding_size=0.08',
        facecolor=face, edgecolor='0.3', linewidth=1))
    axes.text(*centre, text, ha='center', va='center', fontsize=8.5)


def arrow(axes: Axes, start: Point, end: Point, gradient: bool = True,
          label: str = '', bend: Optional[float] = None) -> None:
    """An arrow; dashed where no gradient flows back."""
    style = dict(GRADIENT if gradient else NO_GRADIENT)
    if bend is not None:
        style['connectionstyle'] = f'arc3,rad={bend}'
    axes.annotate('', end, start, arrowprops=style)
    if label:
        axes.text((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 0.08,
                  label, ha='center', va='bottom', fontsize=7.5, color='0.25')


def loss_box(axes: Axes, y: float, symbol: str, key: str) -> None:
    """A loss and its key in the log, at the right border."""
    box(axes, (12.2, y), f'{symbol}   {key}', width=2.9, face='#fff7c2')


def draw_strong(axes: Axes, y: float = 6.85) -> None:
    """The strong view against the pseudo label."""
    box(axes, (1.15, y), "view 'strong'\nColorJitter, CutOut")
    box(axes, (3.95, y), 'extract_feat', width=1.7)
    box(axes, (6.35, y), 'decode', width=1.7)
    box(axes, (9.2, y), 'SoftCrossEntropyLoss', width=2.2)
    loss_box(axes, y, r'$L_u$', 'strong.loss_soft_ce')
    arrow(axes, (2.2, y), (3.1, y))
    arrow(axes, (4.8, y), (5.5, y))
    arrow(axes, (7.2, y), (8.1, y), label='logits')
    arrow(axes, (10.3, y), (10.75, y))


def draw_weak(axes: Axes, top: float = 5.05, low: float = 3.75) -> None:
    """Decoder and SGC map of the weak view, fused."""
    box(axes, (1.15, top), "view 'weak'\nsame crop and flip")
    box(axes, (3.95, top), 'extract_feat', width=1.7)
    box(axes, (6.35, top), 'decode', width=1.7)
    box(axes, (6.35, low), 'SGCHead', width=1.7)
    box(axes, (9.2, top), 'CalibratedFusion', width=2.2, face='#f6d5d5')
    arrow(axes, (2.2, top), (3.1, top), False)
    arrow(axes, (4.8, top), (5.5, top), False)
    arrow(axes, (3.95, top - 0.31), (5.5, low), False, bend=0.25)
    arrow(axes, (7.2, top), (8.1, top), False, 'logits')
    arrow(axes, (7.2, low), (9.2, top - 0.31), False, bend=0.25)
    axes.text(8.6, 3.93, 'SGC map', fontsize=7.5, color='0.25')
    arrow(axes, (9.2, top + 0.31), (9.2, 6.54), False)
    axes.text(9.33, 5.5, 'pseudo label, weight', fontsize=8, color='0.15')
    loss_box(axes, low - 0.3, r'$L_x$', 'weak.sgc.loss_cls')
    arrow(axes, (7.2, low - 0.15), (10.75, low - 0.3))
    axes.text(12.2, low + 0.12, 'only with image-level labels', fontsize=7.5,
              ha='center', color='0.25')


def draw_labeled(axes: Axes, top: float = 2.05, low: float = 0.85) -> None:
    """Labelled images: the decoder's and the SGC head's losses."""
    box(axes, (1.15, top), "view 'labeled'\nimage and mask")
    box(axes, (3.95, top), 'extract_feat', width=1.7)
    box(axes, (6.35, top), 'decode', width=1.7)
    box(axes, (6.35, low), 'SGCHead:\nattention, projection', width=2.0)
    box(axes, (3.0, low - 0.1), 'SGCHead: classifier', width=2.0)
    loss_box(axes, top, r'$L_s$', 'labeled.decode.loss_ce')
    loss_box(axes, low + 0.38, r'$L_{sa}$', 'labeled.sgc.loss_ce')
    loss_box(axes, low - 0.45, r'$L_x$', 'labeled.sgc.loss_cls')
    arrow(axes, (2.2, top), (3.1, top))
    arrow(axes, (4.8, top), (5.5, top))
    arrow(axes, (7.2, top), (10.75, top), label='logits')
    arrow(axes, (4.3, top - 0.31), (5.95, low + 0.31), False, bend=0.1)
    arrow(axes, (3.6, top - 0.31), (3.0, low + 0.21))
    arrow(axes, (4.0, low - 0.1), (5.35, low - 0.1), False)
    axes.text(4.67, low - 0.07, 'Grad-CAM', fontsize=7.5, ha='center',
              va='bottom', color='0.25')
    arrow(axes, (7.35, low), (10.75, low + 0.38))
    arrow(axes, (3.0, low - 0.41), (10.75, low - 0.52), bend=0.06)


def draw() -> Figure:
    """The figure; it needs no display."""
    figure = Figure(figsize=(11.4, 6.7))
    axes = figure.add_axes((0.005, 0.005, 0.99, 0.99))
    axes.set(xlim=(-0.15, 13.9), ylim=(-0.75, 8.6))
    axes.axis('off')
    for name, (bottom, height, colour) in LANES.items():
        axes.add_patch(FancyBboxPatch(
            (-0.05, bottom), 13.85, height - bottom, facecolor=colour,
            edgecolor='none', boxstyle='square,pad=0'))
        axes.text(0.08, height - 0.1, name, family='monospace', fontsize=9.5,
                  weight='bold', va='top')
    axes.text(0.08, 8.2, 'SemiSegmentor.loss', family='monospace',
              fontsize=11, weight='bold')
    axes.text(3.3, 8.2, 'the boxes extract_feat, decode and SGCHead are one '
              'network; the keys that contain "loss" are summed', fontsize=9)
    draw_strong(axes)
    draw_weak(axes)
    draw_labeled(axes)
    arrow(axes, (0.1, -0.42), (0.9, -0.42))
    axes.text(1.0, -0.42, 'gradient flows back', fontsize=9, va='center')
    arrow(axes, (3.6, -0.42), (4.4, -0.42), False)
    axes.text(4.5, -0.42, 'no gradient (with image-level labels, L_x trains '
              'classifier and backbone through the weak view)', fontsize=9,
              va='center')
    return figure


def main() -> None:
    """Write the picture beside this file."""
    draw().savefig(FILE, dpi=110, metadata={'Software': None})


if __name__ == '__main__':
    main()
