# VOC's train.txt, labelled, beside photographs of COCO and VOC: their lists
# (tools/dataset_converters/high_data_splits.py) hold paths below data/.
# 8 GPUs x (8 + 8).
_base_ = './voc12.py'
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
        # Damaged files among 120,000 downloaded ones do not end 90,000
        # iterations.
        max_corrupt=20,
        labeled=dict(
            type=_base_.dataset_type,
            data_root=_base_.data_root,
            data_prefix=dict(
                img_path='JPEGImages', seg_map_path='SegmentationClass'),
            ann_file='ImageSets/Segmentation/pseudoseg/train_aug/labeled.txt',
            pipeline=_base_.labeled_steps +
            [dict(type='MultiBranch', labeled=[dict(type='PackSemiInputs')])]),
        unlabeled=dict(
            type=_base_.dataset_type,
            data_root='data',
            data_prefix=dict(img_path=''),
            ann_file='splits/pseudoseg/highdata_coco/unlabeled.txt',
            pipeline=[
                dict(type='LoadImageFromFile'), *_base_.geometry,
                dict(type='LoadBlankAnnotations'), views
            ])))
auto_scale_lr = dict(enable=False, base_batch_size=128)
