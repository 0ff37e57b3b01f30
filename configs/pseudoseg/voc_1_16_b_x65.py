# Table 8: PseudoSeg, Xception-65, VOC 1/16 (list b) (92 labelled).
_base_ = './voc_1_2_x65.py'
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16_b/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16_b/unlabeled.txt')))
