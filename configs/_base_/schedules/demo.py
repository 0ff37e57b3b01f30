# The small machine's schedule, shortened to a few minutes on two cores. Digits
# are far from ImageNet: the backbone learns at the full rate.
_base_ = './small.py'
max_iters = 400
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(
    optimizer=dict(lr=2e-3, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=1.0)}))
param_scheduler = [
    dict(
        type='PolyLR', power=0.9, begin=0, end=max_iters, eta_min=0.,
        by_epoch=False)
]
