# Table 5: SGC only, Xception-65, VOC 1/16.
_base_ = '../pseudoseg/voc_1_16_x65.py'
model = dict(pseudo_label=dict(source='sgc'))
