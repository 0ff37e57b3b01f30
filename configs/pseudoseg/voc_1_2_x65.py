# Figure 3 (a): PseudoSeg, Xception-65, VOC 1/2 (732 labelled).
_base_ = [
    '../_base_/models/pseudoseg_deeplabv3plus_x65-d16.py',
    '../_base_/datasets/voc12_semi.py', '../_base_/schedules/schedule_30k.py',
    '../_base_/default_runtime.py'
]
optim_wrapper = dict(optimizer=dict(weight_decay=4e-5))
