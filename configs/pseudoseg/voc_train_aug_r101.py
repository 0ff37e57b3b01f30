# Table 1: PseudoSeg, ResNet-101, VOC 1.4k/9k (1464 labelled).
_base_ = './voc_train_aug.py'
model = dict(
    pretrained='open-mmlab://resnet101_v1c', backbone=dict(depth=101))
