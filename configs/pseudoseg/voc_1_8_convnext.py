# Not in the paper: ConvNeXt-T of mmpretrain, UPerNet; VOC 1/8 (183 labelled).
# Optimizer and warm-up are the stock recipe's.
_base_ = [
    '../_base_/models/pseudoseg_upernet_convnext-tiny.py',
    '../_base_/datasets/voc12_semi.py', '../_base_/schedules/schedule_30k.py',
    '../_base_/default_runtime.py'
]
custom_imports = dict(
    imports=['mmseg_pseudoseg', 'mmseg_pseudoseg.mmpretrain_models'])
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(
        type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.05),
    constructor='LearningRateDecayOptimizerConstructor',
    paramwise_cfg=dict(
        decay_rate=0.9, decay_type='stage_wise', num_layers=6))
param_scheduler = [
    dict(
        type='LinearLR', start_factor=1e-6, begin=0, end=1500,
        by_epoch=False),
    dict(
        type='PolyLR', power=1.0, begin=1500, end=30000, eta_min=0.,
        by_epoch=False)
]
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_8/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_8/unlabeled.txt')))
