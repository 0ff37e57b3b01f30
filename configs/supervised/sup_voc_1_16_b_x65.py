# Table 8: supervised baseline, Xception-65, VOC 1/16 (list b) (92 labelled).
_base_ = './sup_voc_1_2_x65.py'
train_dataloader = dict(
    dataset=dict(
        ann_file='ImageSets/Segmentation/pseudoseg/1_16_b/labeled.txt'))
