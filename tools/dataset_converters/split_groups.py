"""Draws of whole groups: patches of one image stay together.

Shape legend:
    G: groups, F: foreground classes.
"""

from typing import Dict, List, NamedTuple, Sequence

import numpy as np
from split_rules import SplitError


class Groups(NamedTuple):
    """Images cut into patches.

    Attributes:
        names (list[str]): The images, sorted.
        sizes (np.ndarray): Patches of each, int, (G,).
        counts (np.ndarray): Patches of each that show a class, int, (G, F).
    """

    names: List[str]
    sizes: np.ndarray
    counts: np.ndarray


def group(members: Dict[str, Sequence[str]],
          shown: Dict[str, np.ndarray]) -> Groups:
    """Count patches and classes of each image.

    Args:
        members (dict[str, Sequence[str]]): Image -> its patches.
        shown (dict[str, np.ndarray]): Patch -> bool, (F,).

    Returns:
        Groups: In the order of the images' names.
    """
    names = sorted(members)
    return Groups(
        names, np.array([len(members[name]) for name in names]),
        np.stack([sum(shown[patch].astype(int) for patch in members[name])
                  for name in names]))


def balanced_group_draw(groups: Groups, num: int, seed: int,
                        candidates: int) -> List[str]:
    """Of many random draws, the first with the best represented rarest class.

    A draw takes images in random order until they have ``num`` patches; see
    ``split_rules.balanced_draw``, which this is for groups. Classes that no
    patch shows do not count.

    Args:
        groups (Groups): What to draw from.
        num (int): Patches a draw has at least, fewer than there are.
        seed (int): Of ``numpy.random.default_rng``.
        candidates (int): Number of draws.

    Returns:
        list[str]: Names of the drawn images, sorted.

    Raises:
        SplitError: If nothing can be drawn.
    """
    total = int(groups.sizes.sum())
    if not 1 <= num < total:
        raise SplitError(f'--share asks for {num} of {total} patches; it must '
                         'leave at least one and take at least one')
    if seed < 0 or candidates < 1:
        raise SplitError(f'--seed {seed} --candidates {candidates}: the seed '
                         'must be 0 or more, the candidates 1 or more')
    counts = groups.counts[:, groups.counts.any(axis=0)]
    if not counts.size:
        raise SplitError('no mask shows a foreground class: see --masks')
    rng = np.random.default_rng(seed)
    best, best_rarest = np.arange(0), -1
    for _ in range(candidates):
        order = rng.permutation(len(groups.names))
        enough = np.searchsorted(groups.sizes[order].cumsum(), num) + 1
        rarest = int(counts[order[:enough]].sum(axis=0).min())
        if rarest > best_rarest:
            best, best_rarest = np.sort(order[:enough]), rarest
    return [groups.names[row] for row in best]
