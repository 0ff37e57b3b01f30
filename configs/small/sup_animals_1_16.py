_base_ = [
    '../_base_/models/deeplabv3plus_mobilenet-v2-d16.py',
    '../_base_/datasets/animals_sup.py', '../_base_/schedules/small.py',
    '../_base_/default_runtime.py'
]
