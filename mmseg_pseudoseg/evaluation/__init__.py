"""What acts on predictions; importing this registers it."""

from .calibration import (
    Bins,
    bin_pixels,
    expected_error,
    maximum_error,
    top_label,
)
from .calibration_metric import CalibrationMetric
from .confusion_matrix_metric import ConfusionMatrixMetric
from .pseudo_label_writer import PseudoLabelWriter
from .reliability_diagram import reliability_diagram

__all__ = [
    'Bins', 'CalibrationMetric', 'ConfusionMatrixMetric', 'PseudoLabelWriter',
    'bin_pixels', 'expected_error', 'maximum_error', 'reliability_diagram',
    'top_label'
]
