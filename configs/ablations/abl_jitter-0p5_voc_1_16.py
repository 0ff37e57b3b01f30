# Figure 5 (e): colour jitter of strength 0.5, Xception-65, VOC 1/16.
_base_ = '../pseudoseg/voc_1_16_x65.py'
_base_.train_dataloader.dataset.unlabeled.pipeline[-1].strong[0].update(
    strength=0.5)
