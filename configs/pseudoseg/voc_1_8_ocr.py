# Not in the paper: OCRNet, a cascade; ResNet-50, VOC 1/8 (183 labelled).
_base_ = [
    '../_base_/models/pseudoseg_ocrnet_r50-d16.py',
    '../_base_/datasets/voc12_semi.py', '../_base_/schedules/schedule_30k.py',
    '../_base_/default_runtime.py'
]
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_8/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_8/unlabeled.txt')))
