"""The layout of the weights changes how fast, not what is computed."""

import torch
from conftest import tiny_model, tiny_run
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import MODELS


class Losses(Hook):
    """Collects the losses of a run."""

    def __init__(self):
        self.values = []

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        """Note them."""
        self.values.append({k: float(v) for k, v in outputs.items()})


def train(voc_root, work_dir, weights, *hooks):
    """Losses of three iterations from given weights, and the runner."""
    cfg = tiny_run(voc_root, work_dir, max_iters=3)
    cfg['optim_wrapper']['optimizer']['lr'] = 1e-3
    cfg['load_from'] = weights
    losses = Losses()
    cfg['custom_hooks'] += [*hooks, losses]
    runner = Runner(**cfg)
    runner.train()
    return losses.values, runner


def test_losses_agree_and_the_layout_is_set(voc_root, tmp_path):
    model = MODELS.build(tiny_model())
    model.init_weights()
    weights = str(tmp_path / 'start.pth')
    torch.save(dict(state_dict=model.state_dict()), weights)
    plain, _ = train(voc_root, tmp_path / 'plain', weights)
    last, runner = train(voc_root, tmp_path / 'last', weights,
                         dict(type='ChannelsLastHook'))
    weight = runner.model.backbone.layer1[0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()
    assert len(last) == len(plain) == 3
    for one, other in zip(plain, last):
        assert one.keys() == other.keys()
        for name in one:
            assert abs(one[name] - other[name]) <= 1e-3 * abs(one[name]), name
