# Table 4: PseudoSeg with image-level labels, ResNet-50, VOC 1/16.
_base_ = './voc_1_16.py'
model = dict(image_labels=True)
train_dataloader = dict(
    dataset=dict(unlabeled=dict(pipeline=_base_.tags_pipeline)))
