# Figure 3 (b): PseudoSeg, Xception-65, COCO 1/32 (3697 labelled).
_base_ = [
    '../_base_/models/pseudoseg_deeplabv3plus_x65-d16.py',
    '../_base_/datasets/coco81_semi.py',
    '../_base_/schedules/schedule_200k.py', '../_base_/default_runtime.py'
]
model = dict(
    data_preprocessor=dict(test_cfg=dict(size=(641, 641))),
    decode_head=dict(num_classes=81))
optim_wrapper = dict(optimizer=dict(weight_decay=4e-5))
