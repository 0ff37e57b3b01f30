# Table 5 on a small machine: decoder only,
# 28 labelled photographs.
_base_ = './pseudoseg_animals_1_16.py'
model = dict(pseudo_label=dict(source='decoder'))
