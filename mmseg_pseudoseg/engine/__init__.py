"""What acts on the Runner; importing this registers it."""

from .hooks import (
    BatchNormBiasCorrectionHook,
    BroadcastBuffersHook,
    ChannelsLastHook,
    CheckLossHook,
    DeferredRuntimeInfoHook,
    PreemptionHook,
    PseudoLabelMonitorHook,
    PseudoLabelPanelHook,
    ReproducibleResumeHook,
    SafeCheckpointHook,
)
from .late_workers_loop import LateWorkersTrainLoop
from .processes import leave_process_group
from .whole_files import WholeFileBackend, write_whole

__all__ = [
    'BatchNormBiasCorrectionHook', 'BroadcastBuffersHook', 'ChannelsLastHook',
    'CheckLossHook', 'DeferredRuntimeInfoHook', 'LateWorkersTrainLoop',
    'PreemptionHook', 'PseudoLabelMonitorHook', 'PseudoLabelPanelHook',
    'ReproducibleResumeHook', 'SafeCheckpointHook', 'WholeFileBackend',
    'leave_process_group', 'write_whole'
]
