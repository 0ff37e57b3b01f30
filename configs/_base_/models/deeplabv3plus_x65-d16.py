# DeepLabv3+ on Xception-65, output stride 16, the paper's default backbone:
# timm's port of the DeepLab model zoo's ImageNet checkpoint (RGB in [-1, 1],
# batch norm eps 1e-3) with the maps that the authors take. Training fetches
# the weights, inference does not. Batch norm is not synchronised;
# TensorFlow's decay .9997 is the momentum 3e-4, in backbone and head.
norm_cfg = dict(type='BN', momentum=3e-4, requires_grad=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(513, 513),
        test_cfg=dict(size=(513, 513))),
    backbone=dict(
        type='AlignedXception',
        model_name='xception65.tf_in1k',
        output_stride=16,
        # 256, 728, 1024, 2048 channels; strides 4, 8, 16, 16
        out_indices=(1, 2, 3, 4),
        bn_momentum=3e-4,
        init_cfg=dict(type='TIMMPretrained')),
    decode_head=dict(
        type='DepthwiseSeparableASPPHead',
        in_channels=2048,
        in_index=3,
        channels=256,
        dilations=(1, 6, 12, 18),
        c1_in_channels=256,
        c1_channels=48,
        dropout_ratio=0.1,
        num_classes=21,
        norm_cfg=norm_cfg,
        align_corners=True,
        loss_decode=dict(
            type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=1.0)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
