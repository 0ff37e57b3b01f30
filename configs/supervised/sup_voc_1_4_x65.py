# Table 6; figures 3 (a), 4 (a): supervised baseline, Xception-65, VOC 1/4 (366
# labelled).
_base_ = './sup_voc_1_2_x65.py'
train_dataloader = dict(
    dataset=dict(
        ann_file='ImageSets/Segmentation/pseudoseg/1_4/labeled.txt'))
