"""What acts on the Runner; importing this registers it."""

from .frozen_first_wrapper import FrozenFirstDistributedDataParallel
from .hooks import (
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
    'BroadcastBuffersHook', 'ChannelsLastHook', 'CheckLossHook',
    'DeferredRuntimeInfoHook', 'FrozenFirstDistributedDataParallel',
    'LateWorkersTrainLoop', 'PreemptionHook', 'PseudoLabelMonitorHook',
    'PseudoLabelPanelHook', 'ReproducibleResumeHook',
    'SafeCheckpointHook', 'WholeFileBackend', 'leave_process_group',
    'write_whole'
]
