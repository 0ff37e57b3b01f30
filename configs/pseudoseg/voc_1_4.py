# Not in the paper: PseudoSeg, ResNet-50, VOC 1/4 (366 labelled).
_base_ = './voc_1_2.py'
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_4/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_4/unlabeled.txt')))
