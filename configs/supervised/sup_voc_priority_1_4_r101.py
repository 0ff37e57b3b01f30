# Not in the paper: supervised baseline, ResNet-101, VOC priority 1/4 (2646
# labelled), a list of later papers.
_base_ = './sup_voc_1_2_r101.py'
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(seg_map_path='SegmentationClassAug'),
        ann_file='ImageSets/Segmentation/pseudoseg/priority_1_4/labeled.txt'))
