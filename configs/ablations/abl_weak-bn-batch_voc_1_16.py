# Not in the paper: batch norm of the weak pass with the batch's statistics,
# which it does not keep, Xception-65, VOC 1/16 (92 labelled).
_base_ = '../pseudoseg/voc_1_16_x65.py'
model = dict(weak_bn='batch')
