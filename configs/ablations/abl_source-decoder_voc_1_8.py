# Table 5: decoder only, Xception-65, VOC 1/8.
_base_ = '../pseudoseg/voc_1_8_x65.py'
model = dict(pseudo_label=dict(source='decoder'))
