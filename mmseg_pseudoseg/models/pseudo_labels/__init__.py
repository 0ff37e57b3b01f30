"""Makers of pseudo labels."""

from .calibrated_fusion import CalibratedFusion, joint_scale, sharpen

__all__ = ['CalibratedFusion', 'joint_scale', 'sharpen']
