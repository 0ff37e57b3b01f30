"""The backbone's statistics stay as they were, the rest trains."""

import torch
from conftest import tiny_run
from mmengine.runner import Runner


def train(voc_root, work_dir, *hooks):
    """State dict before and after two iterations."""
    cfg = tiny_run(voc_root, work_dir, max_iters=2)
    cfg['custom_hooks'] += hooks
    runner = Runner(**cfg)
    runner.model.init_weights()
    before = {k: v.clone() for k, v in runner.model.state_dict().items()}
    runner.train()
    return before, runner.model.state_dict()


def test_backbone_keeps_its_statistics(voc_root, tmp_path):
    before, after = train(voc_root, tmp_path / 'hook',
                          dict(type='NormEvalHook', part='backbone'))
    stats = [k for k in before if k.endswith(('running_mean', 'running_var'))]
    for name in stats:
        kept = torch.equal(before[name], after[name])
        assert kept is name.startswith('backbone'), name
    assert not torch.equal(before['backbone.conv1.weight'],
                           after['backbone.conv1.weight'])


def test_without_it_they_move(voc_root, tmp_path):
    before, after = train(voc_root, tmp_path / 'plain')
    name = 'backbone.bn1.running_mean'
    assert not torch.equal(before[name], after[name])
