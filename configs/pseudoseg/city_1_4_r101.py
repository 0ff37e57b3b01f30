# Table 11: PseudoSeg, ResNet-101, Cityscapes 1/4 (744 labelled).
_base_ = [
    '../_base_/models/pseudoseg_deeplabv3plus_r50-d16.py',
    '../_base_/datasets/cityscapes_semi.py',
    '../_base_/schedules/schedule_30k.py', '../_base_/default_runtime.py'
]
# The paper names no schedule for Cityscapes: VOC's. There is no background;
# the SGC head treats class 0, road, as one: what no other class explains.
model = dict(
    pretrained='open-mmlab://resnet101_v1c',
    data_preprocessor=dict(test_cfg=dict(size=(1025, 2049))),
    backbone=dict(depth=101),
    decode_head=dict(num_classes=19))
