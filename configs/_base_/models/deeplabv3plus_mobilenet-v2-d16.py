# DeepLabv3+ on MobileNetV2, output stride 16, for small machines. Weights that
# take RGB in [-1, 1] come in through model.backbone.init_cfg. The backbone
# keeps their batch norm statistics and its early stages; the head has group
# norm: batches of 8 small crops give statistics that do not carry over to
# whole images (docs/small_machine.md).
norm_cfg = dict(type='GN', num_groups=16, requires_grad=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(145, 145)),
    backbone=dict(
        type='MobileNetV2',
        strides=(1, 2, 2, 2, 1, 1, 1),
        dilations=(1, 1, 1, 1, 1, 2, 2),
        out_indices=(1, 2, 4, 6),  # 24, 32, 96, 320 channels
        frozen_stages=6,
        norm_eval=True),
    decode_head=dict(
        type='DepthwiseSeparableASPPHead',
        in_channels=320,
        in_index=3,
        channels=128,
        dilations=(1, 2, 4),
        c1_in_channels=24,
        c1_channels=32,
        dropout_ratio=0.1,
        num_classes=7,
        norm_cfg=norm_cfg,
        align_corners=True,
        loss_decode=dict(
            type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=1.0)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
