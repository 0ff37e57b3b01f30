# Table 6: self-training, Xception-65, VOC 1/16 (92 labelled); the student of
# supervised/sup_voc_1_16_x65.py. The primitive of this folder.
_base_ = [
    '../_base_/models/deeplabv3plus_x65-d16.py',
    '../_base_/datasets/voc12_self_training.py',
    '../_base_/schedules/schedule_30k.py', '../_base_/default_runtime.py'
]
optim_wrapper = dict(optimizer=dict(weight_decay=4e-5))
