# Tables 6, 8; figures 3 (a), 4 (a), 5 (f): supervised baseline, Xception-65,
# VOC 1/16 (92 labelled).
_base_ = './sup_voc_1_2_x65.py'
train_dataloader = dict(
    dataset=dict(
        ann_file='ImageSets/Segmentation/pseudoseg/1_16/labeled.txt'))
