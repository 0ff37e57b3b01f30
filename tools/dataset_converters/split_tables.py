"""The published lists, as counts and checksums: facts, never the lists.

Lists of one fraction differ between families, and results on them do not
compare: "blended" takes its images from the whole of trainaug, "priority"
takes those with VOC's own masks first.
"""

import re
from typing import Dict, NamedTuple, Optional, Pattern, Sequence, Tuple

from split_rules import PUBLISHED, VOC_ID, Published, checksum

CITYSCAPES_ID = re.compile(r'[a-z]+(_\d{6}){2}_leftImg8bit')
CITYSCAPES_NUM = 2975
TRAIN_CHECKSUM = '129f1fe991729b18'  # VOC's train.txt, 1,464 images


class Family(NamedTuple):
    """Lists that one rule drew.

    Attributes:
        repository (str): Whose clone has them.
        places (tuple[str, ...]): Where clones keep a list; ``{name}`` is
            :attr:`Published.name`, ``{key}`` its key in :attr:`lists`.
        lists (dict[str, Published]): Fraction -> list.
        prefix (str): Stands before the fraction in the name of a split.
        unlabeled (str): What their users train on besides, ``'all'`` images
            of the pool or the ``'remaining'`` ones.
        masks (str): Folder that has a mask for each labelled image.
        pattern (Pattern): What an id looks like.
        example (str): An id.
    """

    repository: str
    places: Tuple[str, ...]
    lists: Dict[str, Published]
    prefix: str = ''
    unlabeled: str = 'remaining'
    masks: str = 'SegmentationClassAug'
    pattern: Pattern[str] = VOC_ID
    example: str = '2007_000032'


FAMILIES = {
    'pseudoseg': Family(
        'googleinterns/wss', ('data_splits/pascal_voc_seg/{name}.txt', ),
        PUBLISHED, unlabeled='all', masks='SegmentationClass'),
    'blended': Family(
        'charlesCXK/TorchSemiSeg',
        ('splits/pascal/{key}/labeled.txt',
         'partitions/pascal/{key}/labeled.txt',
         'DATA/pascal_voc/subset_train_aug/train_aug_labeled_{name}.txt'),
        {
            '1_16': Published('1-16', 662, 'baa85754594fcd33'),
            '1_8': Published('1-8', 1323, 'c9ca45b4e688d408'),
            '1_4': Published('1-4', 2646, 'fd0e8dca3dac524c'),
        }, prefix='blended_'),
    'priority': Family(
        'Haochen-Wang409/U2PL',
        ('data/splits/pascal/{name}/labeled.txt',
         'splits/pascal/u2pl_{key}/labeled.txt'),
        {
            '1_16': Published('662', 662, 'feea4692738362e4'),
            '1_8': Published('1323', 1323, '23921931a21324cf'),
            '1_4': Published('2646', 2646, 'd35f7cd4b4815e1d'),
        }, prefix='priority_'),
}
CITYSCAPES = Family(
    'LiheYoung/UniMatch',
    ('splits/cityscapes/{key}/labeled.txt',
     'partitions/cityscapes/{key}/labeled.txt'),
    {
        '1_4': Published('1_4', 744, '618bee0ad27d6224'),
        '1_8': Published('1_8', 372, '17ab184c1ec17b56'),
        '1_30': Published('1_30', 100, '4945821e59f729d9'),
    },
    masks='gtFine/train', unlabeled='all', pattern=CITYSCAPES_ID,
    example='aachen_000003_000019_leftImg8bit')


def identify(ids: Sequence[str]) -> Optional[Tuple[str, str]]:
    """The family and the fraction of a VOC list, None if it is unknown."""
    wanted = len(ids), checksum(ids)
    for family, facts in FAMILIES.items():
        for key, published in facts.lists.items():
            if wanted == (published.num, published.checksum):
                return family, key
    return None
