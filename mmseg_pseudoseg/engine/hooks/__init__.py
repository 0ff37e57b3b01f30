"""Hooks."""

from .channels_last_hook import ChannelsLastHook
from .check_loss_hook import CheckLossHook
from .norm_eval_hook import NormEvalHook
from .reproducible_resume_hook import ReproducibleResumeHook

__all__ = [
    'ChannelsLastHook', 'CheckLossHook', 'NormEvalHook',
    'ReproducibleResumeHook'
]
