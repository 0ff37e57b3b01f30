# Table 11: PseudoSeg, ResNet-101, Cityscapes 1/8 (372 labelled).
_base_ = './city_1_4_r101.py'
train_dataloader = dict(
    dataset=dict(
        labeled=dict(ann_file='pseudoseg/1_8/labeled.txt'),
        unlabeled=dict(ann_file='pseudoseg/1_8/unlabeled.txt')))
