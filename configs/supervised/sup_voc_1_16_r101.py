# Figure 5 (f): supervised baseline, ResNet-101, VOC 1/16.
_base_ = './sup_voc_1_16.py'
model = dict(
    pretrained='open-mmlab://resnet101_v1c', backbone=dict(depth=101))
