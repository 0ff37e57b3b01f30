# Labelled scenes alone: 8 an iteration.
_base_ = './digits.py'
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        ann_file='ImageSets/labeled.txt',
        pipeline=_base_.labeled_steps + [dict(type='PackSegInputs')],
        **_base_.dataset))
