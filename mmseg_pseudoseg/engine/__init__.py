"""What acts on the Runner; importing this registers it."""

from .frozen_first_wrapper import FrozenFirstDistributedDataParallel
from .hooks import (
    BatchNormBiasCorrectionHook,
    BroadcastBuffersHook,
    ChannelsLastHook,
    CheckLossHook,
    CheckWeightsHook,
    DeferredRuntimeInfoHook,
    EarlyLoggerHook,
    PreemptionHook,
    PseudoLabelMonitorHook,
    PseudoLabelPanelHook,
    ReproducibleResumeHook,
    SafeCheckpointHook,
    SavePredictionsHook,
)
from .late_workers_loop import LateWorkersTrainLoop
from .log_processor import ShortLogProcessor
from .processes import leave_process_group
from .runner import ScreenRunner
from .whole_files import WholeFileBackend, write_whole

__all__ = [
    'BatchNormBiasCorrectionHook', 'BroadcastBuffersHook', 'ChannelsLastHook',
    'CheckLossHook', 'CheckWeightsHook', 'DeferredRuntimeInfoHook',
    'EarlyLoggerHook', 'FrozenFirstDistributedDataParallel',
    'LateWorkersTrainLoop', 'PreemptionHook', 'PseudoLabelMonitorHook',
    'PseudoLabelPanelHook', 'ReproducibleResumeHook', 'SafeCheckpointHook',
    'SavePredictionsHook', 'ScreenRunner', 'ShortLogProcessor',
    'WholeFileBackend', 'leave_process_group',
    'write_whole'
]
