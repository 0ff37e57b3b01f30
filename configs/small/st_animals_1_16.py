# Self-training on a small machine, 28 labelled photographs: the student of
# sup_animals_1_16.py.
_base_ = [
    '../_base_/models/deeplabv3plus_mobilenet-v2-d16.py',
    '../_base_/datasets/animals_self_training.py',
    '../_base_/schedules/small.py', '../_base_/default_runtime.py'
]
custom_hooks = _base_.custom_hooks + [dict(type='ChannelsLastHook')]
