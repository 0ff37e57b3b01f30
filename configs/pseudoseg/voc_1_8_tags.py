# Table 4: PseudoSeg with image-level labels, ResNet-50, VOC 1/8.
_base_ = './voc_1_8.py'
model = dict(image_labels=True)
train_dataloader = dict(
    dataset=dict(unlabeled=dict(pipeline=_base_.tags_pipeline)))
