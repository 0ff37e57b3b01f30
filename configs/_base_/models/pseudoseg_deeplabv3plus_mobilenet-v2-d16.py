# The small machine's network with the parts that PseudoSeg adds. Deviations
# from the paper: no Norm and no sharpening, and a pixel counts where the fused
# label reaches 0.8, that is where decoder and SGC agree; the weak pass is in
# inference mode (docs/small_machine.md).
_base_ = './deeplabv3plus_mobilenet-v2-d16.py'
model = dict(
    type='SemiSegmentor',
    data_preprocessor=dict(type='MultiBranchDataPreprocessor'),
    weak_bn='eval',
    unsup_start=100,
    joint_pass=True,
    sgc_head=dict(
        type='SGCHead',
        in_channels=(96, 320),
        in_index=(2, 3),
        channels=128,
        align_corners=True),
    pseudo_label=dict(
        type='CalibratedFusion',
        gamma=0.5,
        temperature=1.0,
        norm=None,
        threshold=0.8,
        align_corners=True),
    unsup_loss=dict(type='SoftCrossEntropyLoss', loss_weight=1.0))
