# The paper's schedule for VOC with extra data (appendix D).
_base_ = './schedule_30k.py'
max_iters = 90000
train_cfg = dict(max_iters=max_iters, val_interval=9000)
param_scheduler = [
    dict(
        type='PolyLR', power=0.9, begin=0, end=max_iters, eta_min=0.,
        by_epoch=False)
]
