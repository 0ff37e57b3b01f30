"""A resumed run equals the run that was never stopped."""

import mmcv
import pytest
import torch
from conftest import tiny_run
from mmengine.runner import CheckpointLoader, Runner


def train(cfg, resume_from=None):
    """Train, and return what the last checkpoint holds."""
    if resume_from is not None:
        cfg.update(resume=True, load_from=str(resume_from))
    Runner(**cfg).train()
    return load(f'{cfg["work_dir"]}/iter_6.pth')


def load(path):
    """A checkpoint of ours."""
    return CheckpointLoader.load_checkpoint(str(path))


def assert_equal(one, other):
    """Every weight, buffer and momentum is the same, bit for bit."""
    assert one['state_dict'].keys() == other['state_dict'].keys()
    for name, value in one['state_dict'].items():
        assert torch.equal(value, other['state_dict'][name]), name
    states = one['optimizer']['state']
    assert states.keys() == other['optimizer']['state'].keys()
    for name, state in states.items():
        momentum = other['optimizer']['state'][name]['momentum_buffer']
        assert torch.equal(state['momentum_buffer'], momentum), name


@pytest.fixture()
def uninterrupted(voc_root, tmp_path):
    """Work dir of a run of 6 iterations that saved each."""
    train(tiny_run(voc_root, tmp_path / 'whole'))
    return tmp_path / 'whole'


@pytest.mark.parametrize('num_workers', [0, 2])
def test_three_and_three_iterations_equal_six(voc_root, tmp_path,
                                              uninterrupted, num_workers):
    cfg = tiny_run(voc_root, tmp_path / 'resumed', num_workers=num_workers)
    cfg['train_dataloader']['persistent_workers'] = num_workers > 0
    resumed = train(cfg, uninterrupted / 'iter_3.pth')
    assert not (tmp_path / 'resumed' / 'iter_3.pth').exists()
    assert_equal(load(uninterrupted / 'iter_6.pth'), resumed)


def test_the_seed_of_the_checkpoint_goes_on(voc_root, tmp_path,
                                            uninterrupted):
    """MMEngine takes it for the network, after the loader was built."""
    cfg = tiny_run(voc_root, tmp_path / 'resumed')
    cfg['randomness'] = dict(seed=99)
    resumed = train(cfg, uninterrupted / 'iter_3.pth')
    assert_equal(load(uninterrupted / 'iter_6.pth'), resumed)


def test_without_the_hook_they_differ(voc_root, tmp_path, uninterrupted):
    # So the test above compares something: dropout starts anew.
    cfg = tiny_run(voc_root, tmp_path / 'resumed')
    cfg['custom_hooks'] = []
    resumed = train(cfg, uninterrupted / 'iter_3.pth')
    with pytest.raises(AssertionError):
        assert_equal(load(uninterrupted / 'iter_6.pth'), resumed)


def test_skipped_batches_are_not_decoded(voc_root, tmp_path, uninterrupted,
                                         monkeypatch):
    stock, decoded = mmcv.imfrombytes, []

    def imfrombytes(*args, **kwargs):
        decoded.append(kwargs.get('flag'))
        return stock(*args, **kwargs)

    monkeypatch.setattr(mmcv, 'imfrombytes', imfrombytes)
    train(tiny_run(voc_root, tmp_path / 'resumed'),
          uninterrupted / 'iter_3.pth')
    # 3 iterations with 4 images, 2 of which have a mask ('unchanged').
    assert decoded.count('color') == 12
    assert decoded.count('unchanged') == 6
    assert len(decoded) == 18


@pytest.mark.parametrize('semi', [True, False])
def test_another_sampler_resumes_as_well(voc_root, tmp_path, semi):
    # A supervised run with the stock sampler resumes, too.
    cfg = tiny_run(voc_root, tmp_path / 'stock', max_iters=2)
    if not semi:
        loader = cfg['train_dataloader']
        loader['dataset'] = loader['dataset']['labeled']
        loader['dataset']['pipeline'][-1] = dict(type='PackSegInputs')
        loader['collate_fn'] = dict(type='pseudo_collate')
        del loader['batch_sampler']
        for key in ('sgc_head', 'pseudo_label', 'unsup_loss'):
            del cfg['model'][key]
        cfg['model']['type'] = 'EncoderDecoder'
    Runner(**cfg).train()
    cfg['train_cfg']['max_iters'] = 3
    cfg.update(resume=True)  # finds the last checkpoint itself
    Runner(**cfg).train()
    last = (tmp_path / 'stock' / 'last_checkpoint').read_text()
    assert last.endswith('iter_3.pth')
    assert load(last)['meta']['iter'] == 3
