# Figure 3 (a): PseudoSeg, Xception-65, VOC 1.4k/9k (1464 labelled).
_base_ = './voc_1_2_x65.py'
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/train_aug/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/'
            'train_aug/unlabeled.txt')))
