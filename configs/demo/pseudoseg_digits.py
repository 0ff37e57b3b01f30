# The demo's PseudoSeg on unlabelled scenes.
_base_ = [
    '../_base_/models/pseudoseg_deeplabv3plus_efficientnet-lite0-d16.py',
    '../_base_/datasets/digits_semi.py', '../_base_/schedules/demo.py',
    '../_base_/default_runtime.py', '../_base_/monitoring.py'
]
custom_hooks = _base_.custom_hooks + _base_.monitoring + [
    dict(type='ChannelsLastHook')
]
