"""A resumed loop begins with batch k, and nobody fetches those before."""

from collections import Counter
from types import SimpleNamespace

import pytest
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.hooks import DistSamplerSeedHook
from mmengine.runner import IterBasedTrainLoop, loops
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    Sampler,
    _utils,
)

from mmseg_pseudoseg.engine import LateWorkersTrainLoop, ReproducibleResumeHook
from mmseg_pseudoseg.engine.resumed_batches import resumed_loader

LAST = 9


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    """Between two epochs, and for workers that nobody needs any more."""
    monkeypatch.setattr(loops, 'time', SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setattr(_utils, 'MP_STATUS_CHECK_INTERVAL', 0.2)


class Numbers(Dataset):
    """0 to 9; notes in a file, which workers share, what was fetched."""

    metainfo = {}

    def __init__(self, path):
        self.path = path

    def __len__(self):
        return 10

    def __getitem__(self, index):
        with open(self.path, 'a') as file:
            file.write(f'{index}\n')
        return index


class Pairs(Sampler):
    """A batch sampler of somebody else's, that ends."""

    def __init__(self, sampler):
        self.sampler = sampler

    def __iter__(self):
        indices = list(self.sampler)
        yield from zip(indices[::2], indices[1::2])


def loader_of(path, sampler, batches, workers):
    dataset = Numbers(path)
    sampler = sampler(dataset, shuffle=True, seed=3)
    if batches is BatchSampler:
        how = dict(sampler=sampler, batch_size=3, drop_last=False)
    elif batches is None:
        how = dict(sampler=sampler, batch_size=None)
    else:
        how = dict(batch_sampler=batches(sampler))
    return DataLoader(dataset, num_workers=workers, collate_fn=list if batches
                      else None, persistent_workers=workers > 0, **how)


def train(kind, loader, first=0, resumes=True):
    """Batches of a loop that is resumed at ``first``, behind a fake Runner."""
    seen = []
    runner = SimpleNamespace(
        iter=first, epoch=0, seed=3, cfg={}, val_loop=None,
        visualizer=SimpleNamespace(), optim_wrapper=None)
    runner.model = SimpleNamespace(
        train=lambda: None,
        train_step=lambda batch, optim_wrapper: seen.append(batch))
    runner.train_loop = kind(runner, loader, LAST)
    runner.train_loop._iter = first
    hooks = [ReproducibleResumeHook()] * resumes + [DistSamplerSeedHook()]

    def call_hook(name, **kwargs):
        if name in ('before_train', 'before_train_epoch'):
            for hook in hooks:
                getattr(hook, name)(runner)

    runner.call_hook = call_hook
    runner.train_loop.run()
    return seen


def drop_last(sampler):
    return BatchSampler(sampler, 3, True)


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('sampler, batches', [
    (InfiniteSampler, BatchSampler), (InfiniteSampler, None),
    (DefaultSampler, BatchSampler), (DefaultSampler, drop_last),
    (DefaultSampler, Pairs)])
def test_batches_are_those_of_an_undisturbed_run(
        tmp_path, sampler, batches, workers):
    """Epochs of 4, 3 and 5 batches end inside what is skipped, or with it."""
    whole = train(IterBasedTrainLoop, loader_of(
        tmp_path / 'whole', sampler, batches, 0))
    assert len(whole) == LAST
    for first in (4, 8) if workers else range(1, LAST):
        fetched = tmp_path / f'{first}'
        found = train(LateWorkersTrainLoop, loader_of(
            fetched, sampler, batches, workers), first)
        assert found == whole[first:], first
        numbers = list(map(int, fetched.read_text().split()))
        due = [i for batch in whole[first:]
               for i in ([batch] if batches is None else batch)]
        if workers:  # each has up to two batches ready
            assert not Counter(due) - Counter(numbers)
            assert len(numbers) <= len(due) + workers * 2 * 3
        else:
            assert numbers == due


@pytest.mark.parametrize('sampler', [InfiniteSampler, DefaultSampler])
def test_the_stock_loop_has_drawn_the_first_ones(tmp_path, sampler):
    """Its workers run by then; the order is the same all the same."""
    whole = train(IterBasedTrainLoop, loader_of(
        tmp_path / 'whole', sampler, BatchSampler, 0))
    found = train(IterBasedTrainLoop, loader_of(
        tmp_path / 'part', sampler, BatchSampler, 2), 6)
    assert found == whole[6:]


def test_without_the_hook_all_are_fetched(tmp_path):
    # So the tests above see something; OneDL's loop skips by itself here.
    skips = hasattr(loops._InfiniteDataloaderIterator, 'skip_iter')
    train(IterBasedTrainLoop, loader_of(
        tmp_path / 'part', InfiniteSampler, BatchSampler, 0), 6, resumes=False)
    batches = LAST - 6 * skips
    assert len((tmp_path / 'part').read_text().split()) == batches * 3


def test_options_and_ranks_stay(tmp_path):
    loader = loader_of(tmp_path / 'x', InfiniteSampler, BatchSampler, 2)
    loader.sampler.rank, loader.sampler.world_size = 1, 2
    fresh = resumed_loader(loader, 1, 8)
    for name in ('num_workers', 'persistent_workers', 'collate_fn', 'dataset',
                 'prefetch_factor', 'pin_memory', 'worker_init_fn'):
        assert getattr(fresh, name) is getattr(loader, name), name
    sampler = InfiniteSampler(Numbers(''), seed=8)
    sampler.rank, sampler.world_size = 1, 2
    batches = list(zip(range(3), BatchSampler(sampler, 3, False)))
    assert next(iter(fresh.batch_sampler)) == batches[1][1]
    assert len(fresh) == len(loader) == 4


def test_what_has_no_indices_is_left_alone(tmp_path):
    class Stream(IterableDataset):
        metainfo = {}

        def __iter__(self):
            return iter(range(40))

    found = train(IterBasedTrainLoop, DataLoader(
        Stream(), batch_size=3, collate_fn=list), 6)
    assert found == [[18, 19, 20], [21, 22, 23], [24, 25, 26]]


def test_a_loop_that_does_not_skip_is_left_alone(tmp_path):
    """OneDL's key; stock MMEngine would skip here, so its loop is told."""
    loader = loader_of(tmp_path / 'x', InfiniteSampler, BatchSampler, 0)
    runner = SimpleNamespace(iter=6, train_loop=LateWorkersTrainLoop(
        SimpleNamespace(visualizer=SimpleNamespace()), loader, LAST))
    runner.train_loop.fast_forward_on_resume = True
    before = runner.train_loop.dataloader_iterator
    ReproducibleResumeHook().before_train(runner)
    assert runner.train_loop.dataloader is loader
    assert runner.train_loop.dataloader_iterator is before
