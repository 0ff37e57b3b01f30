# Figure 4 (a): PseudoSeg with image-level labels, Xception-65, VOC 1.4k/9k
# (1464 labelled).
_base_ = './voc_1_2_x65.py'
model = dict(image_labels=True)
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/train_aug/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/'
            'train_aug/unlabeled.txt',
            pipeline=_base_.tags_pipeline)))
