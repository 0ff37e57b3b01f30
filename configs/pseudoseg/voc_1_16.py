# Figure 5 (f): PseudoSeg, ResNet-50, VOC 1/16 (92 labelled).
_base_ = './voc_1_2.py'
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16/unlabeled.txt')))
