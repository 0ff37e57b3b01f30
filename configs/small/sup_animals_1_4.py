# Supervised baseline on a small machine, 109 labelled photographs.
_base_ = './sup_animals_1_16.py'
train_dataloader = dict(
    dataset=dict(ann_file='ImageSets/Segmentation/pseudoseg/1_4/labeled.txt'))
