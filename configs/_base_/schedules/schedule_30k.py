# The paper's schedule for VOC: 30k iterations of 64 labelled images, lr .007
# for that batch, poly decay to 0, biases twice the rate. The authors' weight
# decay is 4e-5 for Xception; their flag recommends 1e-4 for ResNets.
max_iters = 30000
train_cfg = dict(
    type='LateWorkersTrainLoop', max_iters=max_iters, val_interval=3000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.007, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(
        norm_decay_mult=0.,
        dwconv_decay_mult=0.,
        bias_lr_mult=2.,
        bias_decay_mult=0.,
        custom_keys={
            'sgc_head.query': dict(decay_mult=0.),
            'sgc_head.key': dict(decay_mult=0.),
            'sgc_head.project': dict(decay_mult=0.)
        }))
param_scheduler = [
    dict(
        type='PolyLR', power=0.9, begin=0, end=max_iters, eta_min=0.,
        by_epoch=False)
]
