"""What acts on the Runner; importing this registers it."""

from .hooks import ChannelsLastHook, CheckLossHook, ReproducibleResumeHook

__all__ = ['ChannelsLastHook', 'CheckLossHook', 'ReproducibleResumeHook']
