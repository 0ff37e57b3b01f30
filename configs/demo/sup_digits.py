# The demo's supervised baseline.
_base_ = [
    '../_base_/models/deeplabv3plus_efficientnet-lite0-d16.py',
    '../_base_/datasets/digits_sup.py', '../_base_/schedules/demo.py',
    '../_base_/default_runtime.py'
]
custom_hooks = _base_.custom_hooks + [dict(type='ChannelsLastHook')]
