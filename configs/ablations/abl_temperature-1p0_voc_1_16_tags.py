# Table 10; figure 5 (d): temperature 1.0, Xception-65, VOC 1/16 with
# image-level labels.
_base_ = '../pseudoseg/voc_1_16_x65_tags.py'
model = dict(pseudo_label=dict(temperature=1.0))
