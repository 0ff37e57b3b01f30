# Table 6: self-training, Xception-65, VOC 1/8 (183 labelled).
_base_ = './st_voc_1_16_x65.py'
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_8/labeled.txt'),
        unlabeled=dict(
            data_prefix=dict(seg_map_path='pseudo_labels/sup_voc_1_8_x65'),
            ann_file='ImageSets/Segmentation/pseudoseg/1_8/unlabeled.txt')))
