# DeepLabv3+ on EfficientNet-Lite0 (timm, through the stock wrapper), output
# stride 16; its ImageNet weights take RGB as (x - 127) / 128.
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127., 127., 127.],
        std=[128., 128., 128.],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(97, 97)),
    backbone=dict(
        type='TIMMBackbone',
        model_name='tf_efficientnet_lite0',
        pretrained=False,
        output_stride=16,
        # 24, 40, 112, 320 channels; strides 4, 8, 16, 16
        out_indices=(1, 2, 3, 4)),
    decode_head=dict(
        type='DepthwiseSeparableASPPHead',
        in_channels=320,
        in_index=3,
        channels=64,
        dilations=(1, 2, 4),
        c1_in_channels=24,
        c1_channels=32,
        dropout_ratio=0.1,
        num_classes=5,
        norm_cfg=norm_cfg,
        align_corners=True,
        loss_decode=dict(
            type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=1.0)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
