"""One training step of stock MMSeg networks, made semi-supervised by keys.

The model dicts come from the installed mmseg. What is changed in them is what
a machine with one process needs (``SyncBN`` to ``BN``, no download); the rest
are the added keys.
"""

from pathlib import Path

import mmseg
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from toys import batch, count_calls, total

import mmseg_pseudoseg.mmpretrain_models  # noqa: F401  (registers ConvNeXt)

CONFIGS = Path(mmseg.__file__).parent / '.mim' / 'configs'
STEP = 64
RESNET = ((1024, 2048), (2, 3))

# mmpretrain names its ConvNeXt by width; T is 96 to 768 in the stock recipe.
CONVNEXT_T = dict(
    backbone=dict(type='mmpretrain.ConvNeXt', arch='tiny', init_cfg=None),
    decode_head=dict(in_channels=[96, 192, 384, 768]))

# name -> (config, changes, channels and positions of the hypercolumn)
NETWORKS = dict(
    resnet_deeplabv3plus=('_base_/models/deeplabv3plus_r50-d8.py', {},
                          *RESNET),
    mobilenet_deeplabv3plus=(
        'mobilenet_v2/mobilenet-v2-d8_deeplabv3plus_4xb2-80k_cityscapes-'
        '512x1024.py', {}, (96, 320), (2, 3)),
    mit_segformer=('_base_/models/segformer_mit-b0.py', {}, (160, 256),
                   (2, 3)),
    swin_upernet=('_base_/models/upernet_swin.py', {}, (384, 768), (2, 3)),
    convnext_upernet=('_base_/models/upernet_convnext.py', CONVNEXT_T,
                      (384, 768), (2, 3)),
    resnet_pspnet=('_base_/models/pspnet_r50-d8.py', {}, *RESNET),
    resnet_ocr=('_base_/models/ocrnet_r50-d8.py', {}, *RESNET))


def unsynchronised(node):
    """The same config with ``BN`` for ``SyncBN``."""
    if isinstance(node, dict):
        return {k: unsynchronised(v) for k, v in node.items()}
    if isinstance(node, (list, tuple)):
        return type(node)(unsynchronised(v) for v in node)
    return 'BN' if node == 'SyncBN' else node


def semi(name):
    """The stock network with the keys that PseudoSeg adds."""
    path, changes, channels, index = NETWORKS[name]
    cfg = Config.fromfile(CONFIGS / path)
    cascade = cfg.model.type == 'CascadeEncoderDecoder'
    last = cfg.model.decode_head[-1] if cascade else cfg.model.decode_head
    classes, align = last.num_classes, last.align_corners
    cfg = Config(unsynchronised(cfg._cfg_dict.to_dict()))
    cfg.merge_from_dict(dict(model=dict(
        pretrained=None, **changes,
        type='CascadeSemiSegmentor' if cascade else 'SemiSegmentor',
        data_preprocessor=dict(type='MultiBranchDataPreprocessor',
                               size=(STEP, STEP)),
        sgc_head=dict(type='SGCHead', in_channels=channels, in_index=index,
                      num_classes=classes, align_corners=align),
        pseudo_label=dict(type='CalibratedFusion', align_corners=align),
        unsup_loss=dict(type='SoftCrossEntropyLoss'))))
    return cfg.model


@pytest.mark.parametrize('name', NETWORKS)
def test_training_step(name):
    cfg = semi(name)
    torch.manual_seed(0)
    model = MODELS.build(cfg).train()
    calls = count_calls(model.backbone)
    losses = model.loss(*batch(classes=model.num_classes, crop=STEP))
    assert calls['forward'] == 3
    assert all(torch.isfinite(v).all() for v in losses.values())
    assert {'strong.loss_soft_ce', 'labeled.sgc.loss_ce',
            'labeled.sgc.loss_cls'} <= losses.keys()
    total(losses).backward()
    without = {n for n, p in model.named_parameters()
               if p.requires_grad and p.grad is None}
    assert not without
    assert all(torch.isfinite(p.grad).all() for p in model.parameters()
               if p.requires_grad)


def test_cascade_takes_the_last_head_for_the_pseudo_label():
    cfg = semi('resnet_ocr')
    cfg.backbone.depth = 18
    cfg.sgc_head.in_channels = (256, 512)
    for head, channels in zip(cfg.decode_head, (256, 512)):
        head.update(in_channels=channels, channels=16)
    cfg.decode_head[1].ocr_channels = 8
    model = MODELS.build(cfg).eval()
    feats = model.extract_feat(torch.randn(1, 3, STEP, STEP))
    first = model.decode_head[0](feats)
    torch.testing.assert_close(
        model.decode(feats), model.decode_head[1](feats, first))
    whole = model.encode_decode(
        torch.zeros(1, 3, STEP, STEP), [dict(img_shape=(STEP, STEP))])
    assert whole.shape == (1, 19, STEP, STEP)
