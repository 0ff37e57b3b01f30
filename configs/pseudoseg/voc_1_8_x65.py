# Tables 5, 6; figure 3 (a): PseudoSeg, Xception-65, VOC 1/8 (183 labelled).
_base_ = './voc_1_2_x65.py'
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_8/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_8/unlabeled.txt')))
