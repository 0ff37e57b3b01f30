# The demo's scenes: handwritten digits on photographs (tools/demo).
data_root = 'data/demo'
classes = ('background', 'zero', 'one', 'four', 'seven')
palette = [[0, 0, 0], [230, 80, 60], [70, 140, 230], [240, 180, 40],
           [170, 90, 200]]
crop_size = (97, 97)
geometry = [
    dict(
        type='RandomResize', scale=(112, 112), ratio_range=(0.75, 1.25),
        keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size)
]
labeled_steps = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='CheckAnnotations', num_classes=5), *geometry
]
dataset = dict(
    type='BaseSegDataset',
    data_root=data_root,
    metainfo=dict(classes=classes, palette=palette),
    img_suffix='.jpg',
    seg_map_suffix='.png',
    data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'))
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        ann_file='ImageSets/val.txt',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='PackSegInputs')
        ],
        **dataset))
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
