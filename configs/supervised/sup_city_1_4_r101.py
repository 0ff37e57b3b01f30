# Not in the paper: supervised baseline of table 11's row, ResNet-101,
# Cityscapes 1/4 (744 labelled).
_base_ = [
    '../_base_/models/deeplabv3plus_r50-d16.py',
    '../_base_/datasets/cityscapes_sup.py',
    '../_base_/schedules/schedule_30k.py', '../_base_/default_runtime.py'
]
model = dict(
    pretrained='open-mmlab://resnet101_v1c',
    data_preprocessor=dict(test_cfg=dict(size=(1025, 2049))),
    backbone=dict(depth=101),
    decode_head=dict(num_classes=19))
