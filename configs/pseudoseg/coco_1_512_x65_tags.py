# Figure 4 (b): PseudoSeg with image-level labels, Xception-65, COCO 1/512 (232
# labelled).
_base_ = './coco_1_32_x65.py'
model = dict(image_labels=True)
train_dataloader = dict(
    dataset=dict(
        labeled=dict(ann_file='splits/pseudoseg/1_512/labeled.txt'),
        unlabeled=dict(
            ann_file='splits/pseudoseg/1_512/unlabeled.txt',
            pipeline=_base_.tags_pipeline)))
