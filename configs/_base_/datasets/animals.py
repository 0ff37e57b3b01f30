# A small machine's data: photographs of animals in VOC's layout, 7 classes.
# Labelled and unlabelled images, validation; views of 145 x 145.
dataset_type = 'BaseSegDataset'
data_root = 'data/voc_animals/'
classes = ('background', 'cat', 'cow', 'dog', 'horse', 'person', 'sheep')
palette = [[0, 0, 0], [64, 0, 0], [64, 128, 0], [64, 0, 128], [192, 0, 128],
           [192, 128, 128], [128, 64, 0]]
crop_size = (145, 145)
scale = (192, 192)
prefix = dict(img_path='JPEGImages', seg_map_path='SegmentationClass7')
geometry = [
    dict(
        type='RandomResize', scale=scale, ratio_range=(0.75, 1.25),
        keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5)
]
labeled_steps = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='CheckAnnotations'), *geometry  # the classes of SemiDataset
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')
]
train_dataset = dict(
    type=dataset_type,
    data_root=data_root,
    metainfo=dict(classes=classes, palette=palette),
    img_suffix='.jpg',
    seg_map_suffix='.png',
    data_prefix=prefix)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(classes=classes, palette=palette),
        img_suffix='.jpg',
        seg_map_suffix='.png',
        data_prefix=prefix,
        ann_file='ImageSets/Segmentation/val.txt',
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
