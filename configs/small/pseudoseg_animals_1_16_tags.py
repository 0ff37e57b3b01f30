# PseudoSeg with image-level labels on a small machine,
# 28 labelled photographs.
_base_ = './pseudoseg_animals_1_16.py'
model = dict(image_labels=True)
train_dataloader = dict(
    dataset=dict(unlabeled=dict(pipeline=_base_.tags_pipeline)))
