"""Batches with a fixed number of samples of each source."""

from itertools import chain, islice
from types import SimpleNamespace

import pytest
from mmengine.dataset import InfiniteSampler

from mmseg_pseudoseg.datasets import MultiSourceBatchSampler

RATIO = dict(labeled=1, unlabeled=3)


class Parts:
    """Stands in for a SemiDataset: its parts' sizes are all that counts."""

    def __init__(self, labeled, unlabeled):
        self.source_sizes = dict(labeled=labeled, unlabeled=unlabeled)

    def __len__(self):
        return sum(self.source_sizes.values())


def make(sizes=(5, 14), batch_size=8, ratio=RATIO, rank=0, world=1, seed=3,
         shuffle=True):
    """A sampler as rank ``rank`` of ``world`` processes would build it."""
    stock = InfiniteSampler(Parts(*sizes), shuffle=shuffle, seed=seed)
    stock.rank, stock.world_size = rank, world
    return MultiSourceBatchSampler(stock, batch_size, ratio)


def take(sampler, count):
    """The first batches."""
    return list(islice(iter(sampler), count))


def test_each_batch_is_composed_by_ratio():
    for batch in take(make(), 20):
        indices = [sample.position for sample in batch]
        assert len(indices) == 8
        assert all(0 <= i < 5 for i in indices[:2])
        assert all(5 <= i < 19 for i in indices[2:])


def test_ratio_may_name_the_parts_in_any_order():
    other = make(ratio=dict(unlabeled=3, labeled=1))
    assert take(other, 5) == take(make(), 5)


@pytest.mark.parametrize('sizes', [(5, 14), (2, 3), (64, 64)])
def test_ranks_are_disjoint_and_jointly_complete(sizes):
    # Four ranks with 4 samples a batch see what one with 16 would see.
    ranks = [take(make(sizes, 4, rank=r, world=4), 9) for r in range(4)]
    whole = take(make(sizes, 16), 9)
    for k, expected in enumerate(whole):
        parts = [batches[k] for batches in ranks]
        assert sorted(chain(*parts)) == sorted(expected)
        seeds = {sample.seed for sample in chain(*parts)}
        assert len(seeds) == 16  # no sample twice, the same image included


@pytest.mark.parametrize('world', [1, 3])
def test_each_pass_visits_each_image_once(world):
    ranks = [
        take(make((6, 12), 4, dict(labeled=1, unlabeled=1), r, world), 18)
        for r in range(world)
    ]
    for source, members in ((0, set(range(6))), (1, set(range(6, 18)))):
        # Dealt in turn: sample i of rank 0, of rank 1, ..., then i + 1.
        streams = [[s.position for b in batches for s in b[2 * source:][:2]]
                   for batches in ranks]
        dealt = list(chain(*zip(*streams)))
        size = len(members)
        passes = [dealt[i:i + size] for i in range(0, len(dealt), size)]
        assert len(passes) >= 3
        for one in passes:
            assert set(one) == members
        assert passes[0] != passes[1]  # shuffled anew


def test_sources_of_equal_length_have_orders_of_their_own():
    batches = take(make((40, 40), 2, dict(labeled=1, unlabeled=1)), 40)
    labeled, unlabeled = zip(*[[s.position for s in b] for b in batches])
    assert labeled != tuple(i - 40 for i in unlabeled)


def test_order_depends_on_the_seed_alone():
    assert take(make(), 12) == take(make(), 12)
    assert take(make(seed=4), 12) != take(make(), 12)


def test_seeds_do_not_repeat_when_an_image_returns():
    samples = list(chain(*take(make((2, 3)), 30)))
    assert len({sample.seed for sample in samples}) == len(samples)


def test_without_shuffling_images_come_in_order():
    batches = take(make((3, 6), 3, dict(labeled=1, unlabeled=2),
                        shuffle=False), 4)
    indices = [[s.position for s in batch] for batch in batches]
    assert indices == [[0, 3, 4], [1, 5, 6], [2, 7, 8], [0, 3, 4]]


@pytest.mark.parametrize('world', [1, 2])
@pytest.mark.parametrize('k', [0, 1, 7, 23])
def test_skip_to_equals_the_kth_batch_from_the_start(k, world):
    rank = world - 1
    expected = take(make(rank=rank, world=world), k + 3)[k:]
    sampler = make(rank=rank, world=world)
    sampler.skip_to(k)
    assert take(sampler, 3) == expected  # indices and seeds
    assert take(sampler, 3) == expected  # a second iterator starts there too


def test_length_is_one_pass_of_the_largest_source():
    assert len(make((5, 14))) == 3  # 2 + 6 a batch: 5/2 and 14/6, up
    assert len(make((5, 14), rank=1, world=2)) == 2
    assert len(make((40, 14))) == 20


@pytest.mark.parametrize('ratio', [
    dict(labeled=1),
    dict(labeled=1, unlabelled=1),
    dict(labeled=1, unlabeled=1, more=1),
])
def test_ratio_with_other_names_is_refused(ratio):
    with pytest.raises(ValueError, match=r'source_ratio.*unlabeled'):
        make(ratio=ratio)


@pytest.mark.parametrize('batch_size, ratio', [
    (7, dict(labeled=1, unlabeled=1)),
    (8, dict(labeled=1, unlabeled=2)),
    (2, dict(labeled=2, unlabeled=2)),
    (8, dict(labeled=0, unlabeled=1)),
    (8, dict(labeled=-1, unlabeled=3)),
])
def test_counts_that_do_not_fit_the_batch_are_refused(batch_size, ratio):
    with pytest.raises(ValueError, match=f'batch_size={batch_size} .*ratio'):
        make(batch_size=batch_size, ratio=ratio)


def test_rank_and_seed_are_those_of_the_stock_sampler():
    stock = SimpleNamespace(
        dataset=Parts(8, 8), seed=5, shuffle=True, rank=1, world_size=2)
    sampler = MultiSourceBatchSampler(stock, 2,
                                      dict(labeled=1, unlabeled=1))
    assert take(sampler, 4) == take(
        make((8, 8), 2, dict(labeled=1, unlabeled=1), 1, 2, 5), 4)
