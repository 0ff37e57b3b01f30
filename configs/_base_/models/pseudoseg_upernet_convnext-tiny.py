# The network above with the parts that PseudoSeg adds (paper, section 3).
_base_ = './upernet_convnext-tiny.py'
model = dict(
    type='SemiSegmentor',
    data_preprocessor=dict(type='MultiBranchDataPreprocessor'),
    sgc_head=dict(
        type='SGCHead',
        in_channels=(384, 768),
        in_index=(2, 3),
        channels=128,
        align_corners=False),
    pseudo_label=dict(
        type='CalibratedFusion',
        gamma=0.5,
        temperature=0.5,
        norm='rms',
        align_corners=False),
    unsup_loss=dict(type='SoftCrossEntropyLoss', loss_weight=1.0))
