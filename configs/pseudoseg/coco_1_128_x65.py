# Figure 3 (b): PseudoSeg, Xception-65, COCO 1/128 (925 labelled).
_base_ = './coco_1_32_x65.py'
train_dataloader = dict(
    dataset=dict(
        labeled=dict(ann_file='splits/pseudoseg/1_128/labeled.txt'),
        unlabeled=dict(ann_file='splits/pseudoseg/1_128/unlabeled.txt')))
