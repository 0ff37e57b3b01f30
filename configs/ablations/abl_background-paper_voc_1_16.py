# Not in the paper: Background plane as in the paper, Xception-65, VOC 1/16.
_base_ = '../pseudoseg/voc_1_16_x65.py'
model = dict(sgc_head=dict(background='before'))
