# Table 12: supervised baseline, ResNet-101, Cityscapes 1/30 (100 labelled).
_base_ = './sup_city_1_4_r101.py'
train_dataloader = dict(dataset=dict(ann_file='pseudoseg/1_30/labeled.txt'))
