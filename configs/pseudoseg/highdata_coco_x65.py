# Table 7: PseudoSeg, Xception-65, VOC train (1464 labelled) with C_tr + C_u.
_base_ = [
    '../_base_/models/pseudoseg_deeplabv3plus_x65-d16.py',
    '../_base_/datasets/voc12_highdata.py',
    '../_base_/schedules/schedule_90k.py', '../_base_/default_runtime.py'
]
model = dict(pseudo_label=dict(gamma=0.3, temperature=0.7))
optim_wrapper = dict(optimizer=dict(weight_decay=4e-5))
