# Table 2: PseudoSeg, ResNet-101, VOC 1/4.
_base_ = './voc_1_4.py'
model = dict(
    pretrained='open-mmlab://resnet101_v1c', backbone=dict(depth=101))
