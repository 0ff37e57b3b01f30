_base_ = [
    '../_base_/models/pseudoseg_deeplabv3plus_mobilenet-v2-d16.py',
    '../_base_/datasets/animals_semi.py', '../_base_/schedules/small.py',
    '../_base_/default_runtime.py'
]
