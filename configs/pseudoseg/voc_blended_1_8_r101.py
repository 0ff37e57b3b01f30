# Not in the paper: PseudoSeg, ResNet-101, VOC blended 1/8 (1323 labelled), a
# list of later papers.
_base_ = './voc_1_2_r101.py'
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            data_prefix=dict(seg_map_path='SegmentationClassAug'),
            ann_file='ImageSets/Segmentation/pseudoseg/'
            'blended_1_8/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/'
            'blended_1_8/unlabeled.txt')))
