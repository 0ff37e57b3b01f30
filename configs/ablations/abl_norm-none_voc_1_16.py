# Not in the paper: No Norm in equation 4, Xception-65, VOC 1/16.
_base_ = '../pseudoseg/voc_1_16_x65.py'
model = dict(pseudo_label=dict(norm=None))
