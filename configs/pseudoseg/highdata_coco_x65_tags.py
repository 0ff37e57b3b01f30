# Table 7: PseudoSeg with image-level labels, Xception-65, VOC train (1464
# labelled) with C_tr.
_base_ = './highdata_coco_x65.py'
model = dict(image_labels=True)
train_dataloader = dict(
    dataset=dict(
        tag_file='splits/pseudoseg/highdata_coco_tags/tags.txt',
        unlabeled=dict(
            ann_file='splits/pseudoseg/highdata_coco_tags/unlabeled.txt')))
