# Table 7; figures 3 (a), 4 (a): supervised baseline, Xception-65, VOC 1.4k/9k
# (1464 labelled).
_base_ = './sup_voc_1_2_x65.py'
train_dataloader = dict(
    dataset=dict(
        ann_file='ImageSets/Segmentation/pseudoseg/train_aug/labeled.txt'))
