# Tables 5, 6, 8, 10; figures 4 (a), 5 (c), 5 (d): PseudoSeg with image-level
# labels, Xception-65, VOC 1/16 (92 labelled).
_base_ = './voc_1_2_x65.py'
model = dict(image_labels=True)
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/1_16/unlabeled.txt',
            pipeline=_base_.tags_pipeline)))
