# Table 8: PseudoSeg with image-level labels, Xception-65, VOC 1/16 (list b)
# (92 labelled).
_base_ = './voc_1_2_x65.py'
model = dict(image_labels=True)
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16_b/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16_b/unlabeled.txt',
            pipeline=_base_.tags_pipeline)))
