from mmseg.registry import MODELS


def test_registered():
    assert 'SemiSegmentor' in MODELS
