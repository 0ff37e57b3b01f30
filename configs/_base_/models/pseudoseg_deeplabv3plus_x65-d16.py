# The network above with the parts that PseudoSeg adds (paper, section 3).
_base_ = './deeplabv3plus_x65-d16.py'
model = dict(
    type='SemiSegmentor',
    data_preprocessor=dict(type='MultiBranchDataPreprocessor'),
    sgc_head=dict(
        type='SGCHead',
        in_channels=(1024, 2048),
        in_index=(2, 3),
        channels=128,
        dropout_ratio=0.5,
        align_corners=True),
    pseudo_label=dict(
        type='CalibratedFusion',
        gamma=0.5,
        temperature=0.5,
        norm='rms',
        align_corners=True),
    unsup_loss=dict(type='SoftCrossEntropyLoss', loss_weight=1.0))
