"""What acts on predictions; importing this registers it."""

from .pseudo_label_writer import PseudoLabelWriter

__all__ = ['PseudoLabelWriter']
