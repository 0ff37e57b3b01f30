# 8 GPUs x (8 labelled + 8 unlabelled) = 64 + 64 an iteration, as the paper's
# 16 GPUs x (4 + 4).
_base_ = './cityscapes.py'
views = dict(
    type='MultiBranch',
    weak=[dict(type='PackSemiInputs')],
    strong=[
        dict(type='ColorJitter', strength=1.0),
        dict(type='CutOut', size=100, canvas=_base_.crop_size),
        dict(type='PackSemiInputs')
    ])
train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    batch_sampler=dict(
        type='MultiSourceBatchSampler',
        source_ratio=dict(labeled=1, unlabeled=1)),
    collate_fn=dict(type='multi_branch_collate'),
    dataset=dict(
        type='SemiDataset',
        labeled=dict(
            type=_base_.dataset_type,
            data_root=_base_.data_root,
            data_prefix=_base_.train_prefix,
            ann_file='pseudoseg/1_4/labeled.txt',
            pipeline=_base_.labeled_steps +
            [dict(type='MultiBranch', labeled=[dict(type='PackSemiInputs')])]),
        unlabeled=dict(
            type=_base_.dataset_type,
            data_root=_base_.data_root,
            data_prefix=dict(img_path='leftImg8bit/train'),
            ann_file='pseudoseg/1_4/unlabeled.txt',
            pipeline=[
                dict(type='LoadImageFromFile'), *_base_.geometry,
                dict(type='LoadBlankAnnotations'), views
            ])))
auto_scale_lr = dict(enable=False, base_batch_size=128)
