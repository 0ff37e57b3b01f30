"""What acts on the Runner; importing this registers it."""

from .hooks import (
    BroadcastBuffersHook,
    ChannelsLastHook,
    CheckLossHook,
    DeferredRuntimeInfoHook,
    EarlyLoggerHook,
    PreemptionHook,
    PseudoLabelMonitorHook,
    PseudoLabelPanelHook,
    ReproducibleResumeHook,
    SafeCheckpointHook,
)
from .late_workers_loop import LateWorkersTrainLoop
from .log_processor import ShortLogProcessor
from .processes import leave_process_group
from .runner import ScreenRunner
from .whole_files import WholeFileBackend, write_whole

__all__ = [
    'BroadcastBuffersHook', 'ChannelsLastHook', 'CheckLossHook',
    'DeferredRuntimeInfoHook', 'EarlyLoggerHook', 'LateWorkersTrainLoop',
    'PreemptionHook', 'PseudoLabelMonitorHook', 'PseudoLabelPanelHook',
    'ReproducibleResumeHook', 'SafeCheckpointHook', 'ScreenRunner',
    'ShortLogProcessor', 'WholeFileBackend', 'leave_process_group',
    'write_whole'
]
