# Not in the paper: PseudoSeg, ResNet-50, VOC 1/2 (732 labelled): the primitive
# of this folder.
_base_ = [
    '../_base_/models/pseudoseg_deeplabv3plus_r50-d16.py',
    '../_base_/datasets/voc12_semi.py', '../_base_/schedules/schedule_30k.py',
    '../_base_/default_runtime.py'
]
