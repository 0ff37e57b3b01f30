# Table 7: PseudoSeg, Xception-65, VOC train (1464 labelled) with C_tr + C_u +
# V_9k.
_base_ = './highdata_coco_x65.py'
train_dataloader = dict(
    dataset=dict(
        unlabeled=dict(
            ann_file='splits/pseudoseg/highdata_coco-aug/unlabeled.txt')))
