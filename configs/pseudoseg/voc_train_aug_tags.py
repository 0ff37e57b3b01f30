# Table 3: PseudoSeg with image-level labels, ResNet-50, VOC 1.4k/9k (1464
# labelled).
_base_ = './voc_1_2.py'
model = dict(image_labels=True)
train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/train_aug/labeled.txt'),
        unlabeled=dict(
            ann_file='ImageSets/Segmentation/pseudoseg/'
            'train_aug/unlabeled.txt',
            pipeline=_base_.tags_pipeline)))
