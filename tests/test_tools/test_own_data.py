"""docs/own_data.md, word by word: its configs, its commands, its Python.

What a test cannot have is replaced, and nothing else: the weights that are
downloaded, and all iterations of a full run but one.
"""

import json
import re
import shlex
import subprocess
import sys

import pytest
import torch
from conftest import write_scenes
from mmengine.config import Config
from mmseg.registry import MODELS
from tiny import ROOT

PAGE = (ROOT / 'docs/own_data.md').read_text(encoding='utf-8')
SHORT = ['--cfg-options', 'train_cfg.max_iters=1', 'train_cfg.val_interval=1',
         'model.unsup_start=0', 'model.pretrained=None']
# One process imports everything, and is forked for each command.
DRIVER = '''
import json, os, runpy, sys, traceback
import mmengine.config.config as config
import yapf.yapflib.yapf_api as yapf_api
import mmseg_pseudoseg, mmseg.apis, mmengine.runner, torch
torch.set_num_threads(1)
config.FormatCode = yapf_api.FormatCode = lambda text, **_: (text, True)
for words in json.load(sys.stdin):
    print('$', *words, flush=True)
    child = os.fork()
    if not child:
        code = 1
        try:
            sys.argv = words[1:]
            sys.path.insert(0, 'tools')
            runpy.run_path(words[1], run_name='__main__')
            code = 0
        except SystemExit as end:
            code = end.code or 0
            if isinstance(code, str):
                print(code)
        except Exception:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(bool(code))
    if os.waitpid(child, 0)[1]:
        sys.exit('failed: ' + ' '.join(words))
'''


def blocks(language: str) -> list:
    return re.findall(rf'^```{language}\n(.*?)^```$', PAGE, re.S | re.M)


CONFIGS = {block.splitlines()[0][2:]: block for block in blocks('python')
           if block.startswith('# ')}


def commands() -> list:
    """The page's commands as words, full runs shortened."""
    text = ''.join(blocks('bash')).replace('\\\n', ' ')
    result = []
    for line in text.splitlines():
        words = shlex.split(line)
        if words[1] == 'tools/train.py' and '--cfg-options' not in words:
            words += SHORT
        result.append([word.replace('iter_750', 'iter_1') for word in words])
    return result


@pytest.fixture(scope='module')
def log(tmp_path_factory):
    """What all the commands print, in the folder that the page describes."""
    folder = tmp_path_factory.mktemp('own data')
    data = folder / 'my_data'
    tags = blocks('text')[0]
    names = [line.split()[0] for line in tags.splitlines()]
    places = dict(zip('abc', ['.'] * 3), one='val', two='val', n='new',
                  **dict.fromkeys(names, 'unlabeled'))
    write_scenes(list(places), str(folder / 'img/{}.jpg'),
                 str(folder / 'seg/{}.png'), 3, 100)
    for name, place in places.items():
        labelled = place not in ('unlabeled', 'new')
        target = data / place / ('images' if labelled else '')
        target.mkdir(parents=True, exist_ok=True)
        (folder / f'img/{name}.jpg').rename(target / f'{name}.jpg')
        if labelled:
            masks = data / place / 'masks'
            masks.mkdir(exist_ok=True)
            (folder / f'seg/{name}.png').rename(masks / f'{name}.png')
    (data / 'tags.txt').write_text(tags)
    for name, text in CONFIGS.items():
        (folder / name).write_text(text)
    for name in ('configs', 'tools'):
        (folder / name).symlink_to(ROOT / name)
    snippet = next(b for b in blocks('python') if 'init_model' in b)
    assert snippet.startswith('import mmseg_pseudoseg')  # as in DRIVER
    (folder / 'predict.py').write_text(
        snippet + 'print("classes of", *classes.shape, classes.dtype)\n')
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', DRIVER], cwd=folder, text=True,
        input=json.dumps([*commands(), ['python', 'predict.py']]),
        capture_output=True, timeout=900)
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    return folder, done.stdout


def test_the_config_is_ten_lines():
    """Its statements, as the page promises; all configs have a name."""
    assert set(CONFIGS) == {
        'my_data.py', 'my_data_pretrained.py', 'my_data_local.py',
        'my_data_tags.py', 'my_data_257.py'}
    lines = CONFIGS['my_data.py'].splitlines()[1:]
    assert len(lines) <= 12 and max(map(len, lines)) < 100


def test_every_command_ran(log):
    folder, text = log
    assert text.count('0 errors') == 3  # check_data.py, three times
    assert 'Traceback' not in text
    assert len(re.findall(r'^\$ python tools/', text, re.M)) == 10
    assert text.count('mIoU: ') == 4 + 2  # training and test
    assert (folder / 'predicted/n.png').is_file()
    assert (folder / 'work_dirs/trial/new/pictures/n.jpg').is_file()
    assert re.search(r'^classes of 100 133 torch.int64$', text, re.M)
    trial = torch.load(folder / 'work_dirs/trial/iter_4.pth',
                       weights_only=False)
    assert trial['meta']['iter'] == 4
    assert trial['meta']['dataset_meta']['classes'] == (
        'background', 'cat', 'dog')


def test_what_the_configs_say(log):
    """Batch, folders, crops and tags are those of the text."""
    folder, _ = log
    cfg = Config.fromfile(folder / 'my_data.py')
    ratio = cfg.train_dataloader.batch_sampler.source_ratio
    assert cfg.train_dataloader.batch_size == 4
    assert ratio == dict(labeled=1, unlabeled=1)
    assert cfg.model.data_preprocessor.size == (145, 145)
    assert cfg.val_dataloader.dataset == cfg.test_dataloader.dataset
    large = Config.fromfile(folder / 'my_data_257.py')
    data = large.train_dataloader.dataset
    crops = [step.crop_size for part in (data.labeled, data.unlabeled)
             for step in part.pipeline if step.type == 'RandomCrop']
    assert crops == [(257, 257)] * 2 == [large.model.data_preprocessor.size
                                         ] * 2
    cut_out = data.unlabeled.pipeline[-1].strong[1]
    assert (cut_out.size, cut_out.canvas) == (50, (257, 257))
    assert large.test_pipeline == large.test_dataloader.dataset.pipeline
    tags = Config.fromfile(folder / 'my_data_tags.py')
    assert tags.model.image_labels
    assert tags.train_dataloader.dataset.tag_file == 'tags.txt'


def test_weights_of_a_local_file(log, monkeypatch):
    """They are in the backbone, with the mean that belongs to them."""
    folder, _ = log
    monkeypatch.chdir(folder)
    cfg = Config.fromfile('my_data_local.py')
    assert cfg.model.data_preprocessor.mean == [123.675, 116.28, 103.53]
    torch.manual_seed(1)
    trained = MODELS.build(cfg.model).backbone
    torch.save(dict(state_dict={f'backbone.{key}': value for key, value in
                                trained.state_dict().items()}), 'weights.pth')
    torch.manual_seed(2)
    model = MODELS.build(cfg.model)
    model.init_weights()
    for key, value in trained.state_dict().items():
        assert torch.equal(model.backbone.state_dict()[key], value), key
