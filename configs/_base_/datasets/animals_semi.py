# 16 images an iteration: 4 labelled + 12 unlabelled.
_base_ = './animals.py'
views = dict(
    type='MultiBranch',
    weak=[dict(type='PackSemiInputs')],
    strong=[
        dict(type='ColorJitter', strength=1.0),
        # 100 of 513 in the authors' code: a fifth of the crop
        dict(type='CutOut', size=28, canvas=_base_.crop_size),
        dict(type='PackSemiInputs')
    ])
# Image-level labels from the masks of the crops, for the *_tags configs.
tags_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'), *_base_.geometry,
    dict(type='ImageLabelsFromMask'),
    dict(type='LoadBlankAnnotations'), views
]
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    batch_sampler=dict(
        type='MultiSourceBatchSampler',
        source_ratio=dict(labeled=1, unlabeled=3)),
    collate_fn=dict(type='multi_branch_collate'),
    dataset=dict(
        type='SemiDataset',
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16/labeled.txt',
            pipeline=_base_.labeled_steps +
            [dict(type='MultiBranch', labeled=[dict(type='PackSemiInputs')])],
            **_base_.train_dataset),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16/unlabeled.txt',
            pipeline=[
                dict(type='LoadImageFromFile'), *_base_.geometry,
                dict(type='LoadBlankAnnotations'), views
            ],
            **_base_.train_dataset)))
