# Table 5 on a small machine: SGC only with image-level labels,
# 28 labelled photographs.
_base_ = './pseudoseg_animals_1_16_tags.py'
model = dict(pseudo_label=dict(source='sgc'))
