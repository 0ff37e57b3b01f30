# Figure 4 (b): PseudoSeg with image-level labels, Xception-65, COCO 1/32 (3697
# labelled).
_base_ = './coco_1_32_x65.py'
model = dict(image_labels=True)
train_dataloader = dict(
    dataset=dict(unlabeled=dict(pipeline=_base_.tags_pipeline)))
