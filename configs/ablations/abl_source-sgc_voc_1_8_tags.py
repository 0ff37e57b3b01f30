# Table 5: SGC only, Xception-65, VOC 1/8 with image-level labels.
_base_ = '../pseudoseg/voc_1_8_x65_tags.py'
model = dict(pseudo_label=dict(source='sgc'))
