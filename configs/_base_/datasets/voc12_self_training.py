# Labelled images beside images with a teacher's masks
# (tools/generate_pseudo_labels.py): 8 GPUs x (8 + 8).
_base_ = './voc12.py'
train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    batch_sampler=dict(
        type='MultiSourceBatchSampler',
        source_ratio=dict(labeled=1, unlabeled=1)),
    dataset=dict(
        type='SemiDataset',
        labeled=dict(
            type=_base_.dataset_type,
            data_root=_base_.data_root,
            data_prefix=dict(
                img_path='JPEGImages', seg_map_path='SegmentationClass'),
            ann_file='ImageSets/Segmentation/pseudoseg/1_16/labeled.txt',
            pipeline=_base_.labeled_steps + [dict(type='PackSegInputs')]),
        unlabeled=dict(
            type=_base_.dataset_type,
            data_root=_base_.data_root,
            data_prefix=dict(
                img_path='JPEGImages',
                seg_map_path='pseudo_labels/sup_voc_1_16_x65'),
            ann_file='ImageSets/Segmentation/pseudoseg/1_16/unlabeled.txt',
            pipeline=_base_.labeled_steps + [dict(type='PackSegInputs')])))
auto_scale_lr = dict(enable=False, base_batch_size=128)
