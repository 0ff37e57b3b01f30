# Figure 4 (a): PseudoSeg with image-level labels, Xception-65, VOC 1/2.
_base_ = './voc_1_2_x65.py'
model = dict(image_labels=True)
train_dataloader = dict(
    dataset=dict(unlabeled=dict(pipeline=_base_.tags_pipeline)))
