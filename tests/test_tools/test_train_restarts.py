"""What train.py makes of a work dir that is not empty, below torchrun."""

import pytest
import torch
from benching import tools_path  # noqa: F401  (a fixture)
from inprocess import tool_main  # noqa: F401  (a fixture)
from mmengine.config import Config
from mmengine.runner import Runner

OTHER = 'MAX_RESTARTS=0'


@pytest.fixture()
def start(tools_path, tool_main, tmp_path, monkeypatch):  # noqa: F811
    """``start(*args)``: what train.py prints, up to the Runner, which prints
    from where it would go on.
    """
    def built(cfg):
        raise SystemExit(f'built: {cfg.get("load_from")}')

    monkeypatch.setattr(Runner, 'from_cfg', built)
    monkeypatch.setenv('LOCAL_RANK', '0')
    config, work_dir = tmp_path / 'a.py', tmp_path / 'w'
    config.write_text('lr = 0.1\n')
    work_dir.mkdir()
    path = str(work_dir / 'iter_2.pth')
    before = Config(dict(lr=0.1)).pretty_text
    torch.save(dict(meta=dict(cfg=before)), path)
    (work_dir / 'last_checkpoint').write_text(path)
    return lambda *args: tool_main(
        'train', config, '--work-dir', work_dir, *args, ok=False)


def test_without_torchrun_it_starts_from_the_beginning(start, monkeypatch):
    monkeypatch.delenv('TORCHELASTIC_MAX_RESTARTS', raising=False)
    assert start().endswith('built: None')
    monkeypatch.setenv('TORCHELASTIC_MAX_RESTARTS', '0')
    assert start('--cfg-options', 'lr=0.2').endswith('built: None')


def test_below_torchrun_it_goes_on_with_the_same_config(start, monkeypatch):
    monkeypatch.setenv('TORCHELASTIC_MAX_RESTARTS', '3')
    assert start().endswith('iter_2.pth')
    told = start('--cfg-options', 'lr=0.2')
    assert 'lr: 0.1 -> 0.2' in told and OTHER in told and 'built' not in told
    # Who asks for it gets it.
    assert start('--resume', '--cfg-options', 'lr=0.2').endswith('iter_2.pth')
    assert start('--cfg-options', 'lr=0.2', 'resume=True').endswith(
        'iter_2.pth')
