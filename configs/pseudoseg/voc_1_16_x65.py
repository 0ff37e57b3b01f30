# Tables 5, 6, 8; figures 3 (a), 5 (b), 5 (e), 5 (f): PseudoSeg, Xception-65,
# VOC 1/16 (92 labelled).
_base_ = './voc_1_2_x65.py'
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16/unlabeled.txt')))
