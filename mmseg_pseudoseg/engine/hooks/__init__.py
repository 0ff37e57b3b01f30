"""Hooks."""

from .channels_last_hook import ChannelsLastHook
from .check_loss_hook import CheckLossHook
from .reproducible_resume_hook import ReproducibleResumeHook

__all__ = ['ChannelsLastHook', 'CheckLossHook', 'ReproducibleResumeHook']
