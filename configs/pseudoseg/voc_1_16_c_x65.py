# Table 8: PseudoSeg, Xception-65, VOC 1/16 (list c) (92 labelled).
_base_ = './voc_1_2_x65.py'
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16_c/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16_c/unlabeled.txt')))
