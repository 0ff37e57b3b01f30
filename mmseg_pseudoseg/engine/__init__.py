"""What acts on the Runner; importing this registers it."""

from .hooks import (
    BatchNormBiasCorrectionHook,
    BroadcastBuffersHook,
    ChannelsLastHook,
    CheckLossHook,
    CheckWeightsHook,
    DeferredRuntimeInfoHook,
    PreemptionHook,
    PseudoLabelMonitorHook,
    PseudoLabelPanelHook,
    ReproducibleResumeHook,
    SafeCheckpointHook,
    SavePredictionsHook,
)
from .late_workers_loop import LateWorkersTrainLoop
from .processes import leave_process_group
from .whole_files import WholeFileBackend, write_whole

__all__ = [
    'BatchNormBiasCorrectionHook', 'BroadcastBuffersHook', 'ChannelsLastHook',
    'CheckLossHook', 'CheckWeightsHook', 'DeferredRuntimeInfoHook',
    'LateWorkersTrainLoop', 'PreemptionHook', 'PseudoLabelMonitorHook',
    'PseudoLabelPanelHook', 'ReproducibleResumeHook', 'SafeCheckpointHook',
    'SavePredictionsHook', 'WholeFileBackend', 'leave_process_group',
    'write_whole'
]
