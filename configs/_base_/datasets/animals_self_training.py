# 4 labelled images and 12 with a teacher's masks an iteration.
_base_ = './animals.py'
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    batch_sampler=dict(
        type='MultiSourceBatchSampler',
        source_ratio=dict(labeled=1, unlabeled=3)),
    dataset=dict(
        type='SemiDataset',
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16/labeled.txt',
            pipeline=_base_.labeled_steps + [dict(type='PackSegInputs')],
            **_base_.train_dataset),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16/unlabeled.txt',
            pipeline=_base_.labeled_steps + [dict(type='PackSegInputs')],
            **_base_.train_dataset)))
train_dataloader['dataset']['unlabeled']['data_prefix'] = dict(
    img_path='JPEGImages', seg_map_path='pseudo_labels/sup_animals_1_16')
