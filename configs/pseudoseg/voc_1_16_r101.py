# Table 2; figure 5 (f): PseudoSeg, ResNet-101, VOC 1/16.
_base_ = './voc_1_16.py'
model = dict(
    pretrained='open-mmlab://resnet101_v1c', backbone=dict(depth=101))
