# What every run shares; custom_imports is where configs import the package.
custom_imports = dict(imports=['mmseg_pseudoseg'], allow_failed_imports=False)
default_scope = 'mmseg'
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    # A process waits so many seconds for the others: NCCL's own default, for
    # gloo as well.
    dist_cfg=dict(backend='nccl', timeout=600))
# Of several processes; freezes what the model freezes before it is wrapped.
model_wrapper_cfg = dict(type='FrozenFirstDistributedDataParallel')
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(
    type='LazySegLocalVisualizer',
    vis_backends=vis_backends,
    name='visualizer')
log_processor = dict(type='ShortLogProcessor', by_epoch=False)
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)
default_hooks = dict(
    runtime_info=dict(type='DeferredRuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(
        type='EarlyLoggerHook', interval=50, first=10,
        log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='CheckpointHook', by_epoch=False, interval=1000,
        max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    batch_norm=dict(type='BatchNormBiasCorrectionHook'),
    buffers=dict(type='BroadcastBuffersHook'),
    visualization=dict(type='SegVisualizationHook'))
custom_hooks = [
    dict(type='ReproducibleResumeHook'),
    dict(type='CheckLossHook', interval=50),
    dict(type='PreemptionHook')
]
tta_model = dict(type='SegTTAModel')
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=s, keep_ratio=True)
                for s in (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
            ],
            [
                dict(type='RandomFlip', prob=0., direction='horizontal'),
                dict(type='RandomFlip', prob=1., direction='horizontal')
            ],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ])
]
