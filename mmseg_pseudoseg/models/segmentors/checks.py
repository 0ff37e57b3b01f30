"""What a semi-supervised segmentor refuses, with the remedy."""

from typing import Any, Dict, Sequence

from mmseg.models.decode_heads import PIDHead
from torch import Tensor

from ..utils import uses_batch_statistics

VIEWS = ('labeled', 'weak', 'strong')
IGNORE = 255  # label of what no loss counts: void, padding, erased boxes


def check_parts(segmentor: Any) -> None:
    """Refuse parts that do not fit each other.

    Args:
        segmentor (SemiSegmentor): With decoder, SGC head and preprocessor.

    Raises:
        ValueError: If the heads have different numbers of classes, the
            decoder has not a channel a class or is a ``PIDHead``, or maps are
            not padded with 255.
    """
    head, classes = segmentor.decode_head, segmentor.num_classes
    if isinstance(head, PIDHead):
        raise ValueError(
            'model.decode_head: PIDHead cannot be semi-supervised here: in '
            'training it predicts three maps and learns from edges, which '
            'unlabelled images do not have')
    if segmentor.sgc_head.num_classes != classes:
        raise ValueError(
            f'model.sgc_head.num_classes is {segmentor.sgc_head.num_classes}, '
            f'but the decode head has {classes} classes')
    if segmentor.out_channels != classes:
        raise ValueError(
            f'model.decode_head.out_channels is {segmentor.out_channels} for '
            f'{classes} classes, but a pseudo label needs a channel a class: '
            'leave it out, and use_sigmoid of its loss_decode')
    padding = getattr(segmentor.data_preprocessor, 'seg_pad_val', IGNORE)
    if padding != IGNORE:
        raise ValueError(
            f'model.data_preprocessor.seg_pad_val is {padding}, but must be '
            f'{IGNORE}, the label of what no loss counts')


def check_views(inputs: Dict[str, Tensor]) -> None:
    """Refuse a batch without the three views.

    Args:
        inputs (dict[str, Tensor]): Of ``SemiSegmentor.loss``.

    Raises:
        KeyError: Naming the views, and what makes them.
    """
    found = list(inputs) if isinstance(inputs, dict) else []
    if not set(VIEWS) <= set(found):
        raise KeyError(
            f'the batch needs the views {VIEWS} and has {found}: end the '
            "labelled pipeline with dict(type='MultiBranch', labeled=[...]"
            "), the unlabelled one with dict(type='MultiBranch', weak=[..."
            '], strong=[...]), and set train_dataloader.collate_fn='
            "dict(type='multi_branch_collate')")


def check_joint_pass(segmentor: Any) -> None:
    """Refuse a joint pass that would mix labelled images and strong view.

    Args:
        segmentor (SemiSegmentor): In training mode.

    Raises:
        ValueError: If backbone or neck normalise with their batch.
    """
    for name, module in segmentor.named_modules():
        if name.startswith(('backbone.', 'neck.')) and \
                uses_batch_statistics(module):
            raise ValueError(
                f'model.joint_pass=True, but {name} ({type(module).__name__}) '
                'normalises with its batch, in which labelled images and '
                'strong view would be mixed: leave model.joint_pass out, or '
                'set model.backbone.norm_eval=True if it is to keep its '
                'running statistics')


def check_one_size(views: Sequence[Tensor]) -> None:
    """Refuse views that cannot be one batch.

    Args:
        views (Sequence[Tensor]): Each (N, 3, H, W).

    Raises:
        ValueError: If they differ in more than N.
    """
    sizes = [tuple(view.shape[2:]) for view in views]
    if len(set(sizes)) > 1:
        raise ValueError(
            'model.joint_pass=True needs images of one size, but the views '
            f'have {sizes}: give labelled and unlabelled pipeline the same '
            'crop, or leave model.joint_pass out')
