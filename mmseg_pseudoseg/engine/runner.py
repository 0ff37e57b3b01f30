"""The Runner of this project's tools."""

import logging
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Optional, Union

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from mmseg.registry import RUNNERS
from torch import nn

from .screen import StartFilter, warnings_go_to
from .summary import describe_run

# Which stage of a run each first call of a hook begins.
_MODES = dict(train_epoch='train', val_epoch='val', test_epoch='test')


class LaidOutConfig(Config):
    """A config whose text is laid out once for each content.

    A Runner asks for it four times at the start and once at each checkpoint;
    the stock one has yapf lay it out every time, about a second each.
    """

    _texts: Dict[str, str] = {}

    @classmethod
    def of(cls, cfg: Config) -> 'LaidOutConfig':
        """The same config, of this class."""
        same = cls.__new__(cls)
        same.__dict__.update(cfg.__dict__)
        return same

    @property
    def pretty_text(self) -> str:
        """The config as Python."""
        content = repr(self)
        if content not in self._texts:
            self._texts.clear()
            self._texts[content] = super().pretty_text
        return self._texts[content]


@RUNNERS.register_module()
class ScreenRunner(Runner):
    """The stock Runner with a screen that can be read.

    The stock one shows environment, config, hooks and the options of each
    parameter, over a thousand lines, before the first of training. Here they
    are in the log file alone; the screen gets a summary, then the warnings of
    the start, then the log.

    Args:
        *args: Of the stock Runner.
        **kwargs: Likewise.
    """

    screen: Optional[StartFilter] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with self._warnings_shown():
            super().__init__(*args, **kwargs)

    @classmethod
    def from_cfg(cls, cfg: Config) -> 'Runner':
        """Build a Runner.

        Args:
            cfg (Config): Its keys are the arguments of a Runner.

        Returns:
            Runner: Of this class.
        """
        if isinstance(cfg, Config):
            cfg = LaidOutConfig.of(cfg)
        return super().from_cfg(cfg)

    def build_logger(self, log_level: Union[int, str] = 'INFO',
                     log_file: Optional[str] = None,
                     **kwargs: Any) -> MMLogger:
        """Build the logger, its screen closed until the run begins.

        Args:
            log_level (int | str): As the stock Runner's.
            log_file (str, optional): Likewise.
            **kwargs: Likewise.

        Returns:
            MMLogger: Of this run.
        """
        logger = super().build_logger(log_level, log_file, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                self.screen = StartFilter(handler)
        return logger

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call the hooks; open the screen when all is ready.

        Args:
            fn_name (str): Name of their method.
            **kwargs: Its arguments.
        """
        super().call_hook(fn_name, **kwargs)
        _, _, mode = fn_name.partition('before_')
        if mode in _MODES and self.screen and not self.screen.opened:
            self.screen.open(self.logger, describe_run(self, _MODES[mode]))

    def train(self) -> nn.Module:
        """Train.

        Returns:
            nn.Module: The network.
        """
        with self._warnings_shown():
            return super().train()

    def val(self) -> dict:
        """Validate.

        Returns:
            dict: The metrics.
        """
        with self._warnings_shown():
            return super().val()

    def test(self) -> dict:
        """Test.

        Returns:
            dict: The metrics.
        """
        with self._warnings_shown():
            return super().test()

    @contextmanager
    def _warnings_shown(self) -> Iterator[None]:
        """Log Python's warnings; show those of the start before an error."""
        with warnings_go_to(self._warn):
            try:
                yield
            except BaseException:
                if self.screen:
                    self.screen.open(self.logger)
                raise

    def _warn(self, text: str) -> None:
        """Log a warning."""
        MMLogger.get_current_instance().warning(text)
