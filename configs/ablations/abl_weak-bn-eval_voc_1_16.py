# Not in the paper: the weak pass in inference mode, as the small recipe has
# it, Xception-65, VOC 1/16 (92 labelled).
_base_ = '../pseudoseg/voc_1_16_x65.py'
model = dict(weak_bn='eval')
