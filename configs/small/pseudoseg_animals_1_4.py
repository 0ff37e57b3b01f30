# PseudoSeg on a small machine, 109 labelled photographs.
_base_ = './pseudoseg_animals_1_16.py'
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_4/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_4/unlabeled.txt')))
