"""What draws; importing this registers it."""

from .lazy_visualizer import LazySegLocalVisualizer

__all__ = ['LazySegLocalVisualizer']
