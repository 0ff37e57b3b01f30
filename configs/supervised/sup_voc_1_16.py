# Figure 5 (f): supervised baseline, ResNet-50, VOC 1/16 (92 labelled).
_base_ = './sup_voc_1_2.py'
train_dataloader = dict(
    dataset=dict(ann_file='ImageSets/Segmentation/pseudoseg/1_16/labeled.txt'))
