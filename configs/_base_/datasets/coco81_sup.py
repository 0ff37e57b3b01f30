# Labelled images alone: 8 GPUs x 8 = 64 an iteration.
_base_ = './coco81.py'
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=_base_.dataset_type,
        data_root=_base_.data_root,
        data_prefix=_base_.train_prefix,
        ann_file='splits/pseudoseg/1_32/labeled.txt',
        pipeline=_base_.labeled_steps + [dict(type='PackSegInputs')]))
auto_scale_lr = dict(enable=False, base_batch_size=64)
