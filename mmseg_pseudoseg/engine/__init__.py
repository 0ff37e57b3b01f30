"""What acts on the Runner; importing this registers it."""

from .hooks import (
                    ChannelsLastHook,
                    CheckLossHook,
                    NormEvalHook,
                    ReproducibleResumeHook,
)

__all__ = [
    'ChannelsLastHook', 'CheckLossHook', 'NormEvalHook',
    'ReproducibleResumeHook'
]
