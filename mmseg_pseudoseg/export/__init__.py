"""What hands a trained network on: stock configs, safetensors, ONNX."""

from .onnx_file import Logits, write_onnx
from .stock import (
    NoStockPartError,
    check_same,
    is_semi,
    stock_config,
    stock_state,
    without_downloads,
)
from .written_config import read_config

__all__ = ['Logits', 'NoStockPartError', 'check_same', 'is_semi',
           'read_config', 'stock_config', 'stock_state', 'without_downloads',
           'write_onnx']
