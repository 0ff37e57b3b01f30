# Not in the paper: supervised baseline, ResNet-50, VOC 1/4 (366 labelled).
_base_ = './sup_voc_1_2.py'
train_dataloader = dict(
    dataset=dict(ann_file='ImageSets/Segmentation/pseudoseg/1_4/labeled.txt'))
