# Not in the paper: iSAID 1/8, aerial images in 896 x 896 patches; ResNet-50.
_base_ = [
    '../_base_/models/pseudoseg_deeplabv3plus_r50-d16.py',
    '../_base_/datasets/isaid_semi.py', '../_base_/schedules/schedule_30k.py',
    '../_base_/default_runtime.py'
]
model = dict(
    data_preprocessor=dict(test_cfg=dict(size=(897, 897))),
    decode_head=dict(num_classes=16))
