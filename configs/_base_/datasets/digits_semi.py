# 16 scenes an iteration: 8 labelled + 8 unlabelled.
_base_ = './digits.py'
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    batch_sampler=dict(
        type='MultiSourceBatchSampler',
        source_ratio=dict(labeled=1, unlabeled=1)),
    collate_fn=dict(type='multi_branch_collate'),
    dataset=dict(
        type='SemiDataset',
        labeled=dict(
            ann_file='ImageSets/labeled.txt',
            pipeline=_base_.labeled_steps +
            [dict(type='MultiBranch', labeled=[dict(type='PackSemiInputs')])],
            **_base_.dataset),
        unlabeled=dict(
            ann_file='ImageSets/unlabeled.txt',
            pipeline=[
                dict(type='LoadImageFromFile'), *_base_.geometry,
                dict(type='LoadBlankAnnotations'),
                dict(
                    type='MultiBranch',
                    weak=[dict(type='PackSemiInputs')],
                    strong=[
                        dict(type='ColorJitter', strength=1.0),
                        dict(type='CutOut', size=20, canvas=_base_.crop_size),
                        dict(type='PackSemiInputs')
                    ])
            ],
            **_base_.dataset)))
