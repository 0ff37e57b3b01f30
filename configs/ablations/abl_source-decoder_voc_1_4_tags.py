# Table 5: decoder only, Xception-65, VOC 1/4 with image-level labels.
_base_ = '../pseudoseg/voc_1_4_x65_tags.py'
model = dict(pseudo_label=dict(source='decoder'))
