# Not in the paper: PseudoSeg, ResNet-50, VOC 1/8 (183 labelled).
_base_ = './voc_1_2.py'
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_8/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_8/unlabeled.txt')))
