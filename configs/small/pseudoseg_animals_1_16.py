# PseudoSeg on a small machine, 28 labelled photographs.
_base_ = [
    '../_base_/models/pseudoseg_deeplabv3plus_mobilenet-v2-d16.py',
    '../_base_/datasets/animals_semi.py', '../_base_/schedules/small.py',
    '../_base_/default_runtime.py', '../_base_/monitoring.py'
]
custom_hooks = _base_.custom_hooks + _base_.monitoring + [
    dict(type='ChannelsLastHook')
]
