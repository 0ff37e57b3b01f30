# Cityscapes, 19 classes. The paper names neither crop nor scales for it: these
# are its crop of 513 and VOC's factors of the image.
dataset_type = 'CityscapesDataset'
data_root = 'data/cityscapes'
train_prefix = dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train')
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
    dict(type='CheckAnnotations', num_classes=19), *geometry
]
# Single scale, the whole image, padded to 1025 x 2049 by the model.
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
            img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
