# One process on a CPU or a small GPU.
max_iters = 750
train_cfg = dict(
    type='LateWorkersTrainLoop', max_iters=max_iters, val_interval=250)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    paramwise_cfg=dict(
        norm_decay_mult=0.,
        custom_keys={
            # What a key here matches keeps its weight decay, norms too.
            'backbone': dict(lr_mult=0.1),
            # A batch norm without scale learns its bias alone, at the pace of
            # the learning rate: AdamW's is too slow for it.
            'sgc_head.norm': dict(lr_mult=10.),
            'sgc_head.project': dict(lr_mult=10.)
        }))
param_scheduler = [
    dict(
        type='PolyLR', power=0.9, begin=0, end=max_iters, eta_min=0.,
        by_epoch=False)
]
