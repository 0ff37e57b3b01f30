"""What acts on the Runner; importing this registers it."""

from .hooks import ChannelsLastHook, CheckLossHook, ReproducibleResumeHook
from .processes import leave_process_group

__all__ = [
    'ChannelsLastHook', 'CheckLossHook', 'ReproducibleResumeHook',
    'leave_process_group'
]
