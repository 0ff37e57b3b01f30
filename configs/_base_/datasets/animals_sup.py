# Labelled images alone: 4 an iteration.
_base_ = './animals.py'
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        ann_file='ImageSets/Segmentation/pseudoseg/1_16/labeled.txt',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='CheckAnnotations', num_classes=7), *_base_.geometry,
            dict(type='PackSegInputs')
        ],
        **_base_.train_dataset))
