"""Registers mmpretrain's models, or says in one sentence what is in the way.

For ``custom_imports`` of configs with ``type='mmpretrain.ConvNeXt'`` and the
like. Nothing else of this package needs mmpretrain.
"""

from .engine.sentences import explain_mmpretrain

try:
    import mmpretrain.models  # noqa: F401
except Exception as error:
    sentence = explain_mmpretrain(error)
    if sentence is None:
        raise
    raise RuntimeError(sentence) from None  # MMEngine swallows ImportError
