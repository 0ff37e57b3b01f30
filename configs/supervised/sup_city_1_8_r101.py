# Not in the paper: supervised baseline of table 11's row, ResNet-101,
# Cityscapes 1/8 (372 labelled).
_base_ = './sup_city_1_4_r101.py'
train_dataloader = dict(dataset=dict(ann_file='pseudoseg/1_8/labeled.txt'))
