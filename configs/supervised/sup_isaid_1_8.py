# Not in the paper: supervised baseline, ResNet-50, iSAID 1/8.
_base_ = [
    '../_base_/models/deeplabv3plus_r50-d16.py',
    '../_base_/datasets/isaid_sup.py', '../_base_/schedules/schedule_30k.py',
    '../_base_/default_runtime.py'
]
model = dict(
    data_preprocessor=dict(test_cfg=dict(size=(897, 897))),
    decode_head=dict(num_classes=16))
