# Tables 5, 6; figure 4 (a): PseudoSeg with image-level labels, Xception-65,
# VOC 1/4 (366 labelled).
_base_ = './voc_1_2_x65.py'
model = dict(image_labels=True)
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_4/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_4/unlabeled.txt',
            pipeline=_base_.tags_pipeline)))
