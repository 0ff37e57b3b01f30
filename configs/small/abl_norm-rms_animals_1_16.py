# Norm on a small machine: rms; sharpened, every pixel, as in the paper;
# 28 labelled photographs.
_base_ = './pseudoseg_animals_1_16.py'
model = dict(
    pseudo_label=dict(norm='rms', temperature=0.5, threshold=None))
