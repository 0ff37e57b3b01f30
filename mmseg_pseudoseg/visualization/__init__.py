"""What draws; importing this registers it."""

from .lazy_visualizer import LazySegLocalVisualizer
from .palette import distinct_colours, fill_palettes

__all__ = ['LazySegLocalVisualizer', 'distinct_colours', 'fill_palettes']
