# Tables 11, 12: PseudoSeg, ResNet-101, Cityscapes 1/30 (100 labelled).
_base_ = './city_1_4_r101.py'
train_dataloader = dict(
    dataset=dict(
        labeled=dict(ann_file='pseudoseg/1_30/labeled.txt'),
        unlabeled=dict(ann_file='pseudoseg/1_30/unlabeled.txt')))
