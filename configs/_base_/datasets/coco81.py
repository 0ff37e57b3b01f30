# COCO, background and 80 things (tools/dataset_converters/coco_masks.py makes
# the masks); crop 513. Random scales are factors of the image, whatever its
# size (authors).
dataset_type = 'COCO81Dataset'
data_root = 'data/coco'
train_prefix = dict(img_path='train2017', seg_map_path='masks81/train2017')
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
    dict(type='CheckAnnotations', num_classes=81), *geometry
]
# Single scale, the image as it is, padded to 641 x 641 by the model.
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
        data_prefix=dict(
            img_path='val2017', seg_map_path='masks81/val2017'),
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
