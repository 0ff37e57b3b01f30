# The demo's PseudoSeg on scenes that a text file tags.
_base_ = './pseudoseg_digits.py'
model = dict(image_labels=True, unsup_start=0)
train_dataloader = dict(dataset=dict(tag_file='ImageSets/tags.txt'))
