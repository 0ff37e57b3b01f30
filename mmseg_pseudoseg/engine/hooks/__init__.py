"""Hooks."""

from .batch_norm_bias_correction_hook import BatchNormBiasCorrectionHook
from .broadcast_buffers_hook import BroadcastBuffersHook
from .channels_last_hook import ChannelsLastHook
from .check_loss_hook import CheckLossHook
from .check_weights_hook import CheckWeightsHook
from .checkpoint_hook import SafeCheckpointHook
from .deferred_runtime_info_hook import DeferredRuntimeInfoHook
from .early_logger_hook import EarlyLoggerHook
from .preemption_hook import PreemptionHook
from .pseudo_label_monitor_hook import PseudoLabelMonitorHook
from .pseudo_label_panel_hook import PseudoLabelPanelHook
from .reproducible_resume_hook import ReproducibleResumeHook
from .save_predictions_hook import SavePredictionsHook

__all__ = [
    'BatchNormBiasCorrectionHook', 'BroadcastBuffersHook', 'ChannelsLastHook',
    'CheckLossHook', 'CheckWeightsHook', 'DeferredRuntimeInfoHook',
    'EarlyLoggerHook', 'PreemptionHook', 'PseudoLabelMonitorHook',
    'PseudoLabelPanelHook', 'ReproducibleResumeHook', 'SafeCheckpointHook',
    'SavePredictionsHook'
]
