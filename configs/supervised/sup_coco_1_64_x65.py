# Figures 3 (b), 4 (b): supervised baseline, Xception-65, COCO 1/64 (1849
# labelled).
_base_ = './sup_coco_1_32_x65.py'
train_dataloader = dict(
    dataset=dict(ann_file='splits/pseudoseg/1_64/labeled.txt'))
