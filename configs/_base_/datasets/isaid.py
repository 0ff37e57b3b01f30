# iSAID, 16 classes with background, in the patches of 896 x 896 that
# MMSegmentation's tools/dataset_converters/isaid.py cuts. Crop 513; random
# scales are the paper's factors, of a patch.
dataset_type = 'iSAIDDataset'
data_root = 'data/iSAID'
train_prefix = dict(img_path='img_dir/train', seg_map_path='ann_dir/train')
crop_size = (513, 513)
geometry = [
    dict(
        type='RandomChoice',
        transforms=[[dict(type='Resize', scale_factor=s)]
                    for s in (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)]),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5)
]
labeled_steps = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='CheckAnnotations', num_classes=16), *geometry
]
# Single scale, the whole patch, padded to 897 x 897 by the model.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')
]
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(img_path='img_dir/val', seg_map_path='ann_dir/val'),
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
