# The paper's schedule for COCO (appendix B).
_base_ = './schedule_30k.py'
max_iters = 200000
train_cfg = dict(max_iters=max_iters, val_interval=20000)
param_scheduler = [
    dict(
        type='PolyLR', power=0.9, begin=0, end=max_iters, eta_min=0.,
        by_epoch=False)
]
