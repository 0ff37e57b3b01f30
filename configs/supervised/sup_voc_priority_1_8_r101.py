# Not in the paper: supervised baseline, ResNet-101, VOC priority 1/8 (1323
# labelled), a list of later papers.
_base_ = './sup_voc_1_2_r101.py'
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(seg_map_path='SegmentationClassAug'),
        ann_file='ImageSets/Segmentation/pseudoseg/priority_1_8/labeled.txt'))
