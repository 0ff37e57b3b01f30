# Figure 5 (b): keys and queries from the last stage alone, Xception-65, VOC
# 1/16.
_base_ = '../pseudoseg/voc_1_16_x65.py'
model = dict(sgc_head=dict(in_channels=(2048, ), in_index=(3, )))
