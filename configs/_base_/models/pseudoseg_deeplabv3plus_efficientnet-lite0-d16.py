# The demo's network with the parts that PseudoSeg adds.
_base_ = './deeplabv3plus_efficientnet-lite0-d16.py'
model = dict(
    type='SemiSegmentor',
    data_preprocessor=dict(type='MultiBranchDataPreprocessor'),
    unsup_start=200,
    sgc_head=dict(
        type='SGCHead',
        in_channels=(112, 320),
        in_index=(2, 3),
        channels=64,
        align_corners=True),
    pseudo_label=dict(
        type='CalibratedFusion',
        gamma=0.5,
        temperature=0.5,
        norm='rms',
        align_corners=True),
    unsup_loss=dict(type='SoftCrossEntropyLoss', loss_weight=1.0))
