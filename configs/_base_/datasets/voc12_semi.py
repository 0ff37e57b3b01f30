# 8 GPUs x (8 labelled + 8 unlabelled) = 64 + 64 an iteration, as the paper's
# 16 GPUs x (4 + 4).
_base_ = './voc12.py'
views = dict(
    type='MultiBranch',
    weak=[dict(type='PackSemiInputs')],
    strong=[
        dict(type='ColorJitter', strength=1.0),
        dict(type='CutOut', size=100, canvas=_base_.crop_size),
        dict(type='PackSemiInputs')
    ])
# Image-level labels from the masks of the crops, for the *_tags configs.
tags_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'), *_base_.geometry,
    dict(type='ImageLabelsFromMask', num_classes=21),
    dict(type='LoadBlankAnnotations'), views
]
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
            data_prefix=dict(
                img_path='JPEGImages', seg_map_path='SegmentationClass'),
            ann_file='ImageSets/Segmentation/pseudoseg/1_2/labeled.txt',
            pipeline=_base_.labeled_steps +
            [dict(type='MultiBranch', labeled=[dict(type='PackSemiInputs')])]),
        unlabeled=dict(
            type=_base_.dataset_type,
            data_root=_base_.data_root,
            # Read by tags_pipeline alone.
            data_prefix=dict(
                img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
            ann_file='ImageSets/Segmentation/pseudoseg/1_2/unlabeled.txt',
            pipeline=[
                dict(type='LoadImageFromFile'), *_base_.geometry,
                dict(type='LoadBlankAnnotations'), views
            ])))
auto_scale_lr = dict(enable=False, base_batch_size=128)
