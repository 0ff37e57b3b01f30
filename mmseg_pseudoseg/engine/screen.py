"""What of a run's log is shown on the screen, and when."""

import logging
import re
import warnings
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List

# Warnings of MMEngine and MMSegmentation about their own code, or about what
# our configs do on purpose. They are in the log file.
STOCK_NOISE = re.compile('|'.join([
    r'"FileClient" will be deprecated',
    r'"HardDiskBackend" is the alias',
    r'The prefix is not set in metric class',
    r'is skipped since its requires_grad=False',
    r'The draw is False',
    r'When align_corners=True, the output would more aligned',
    r'Failed to search registry with scope',
]))


class StartFilter(logging.Filter):
    """Keep a run's start off the screen but for what went wrong.

    Until :meth:`open` a screen shows errors alone: the environment, the whole
    config and the options of each parameter are for the log file. Warnings
    are kept, so that they can be read at the end of the start.

    Args:
        handler (logging.Handler): Of the screen; the filter adds itself.
    """

    def __init__(self, handler: logging.Handler) -> None:
        super().__init__()
        self.handler = handler
        self.opened = False
        self.kept: List[logging.LogRecord] = []
        handler.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is shown now."""
        if record.levelno >= logging.ERROR:
            return True
        if record.levelno == logging.WARNING:
            if STOCK_NOISE.search(record.getMessage()):
                return False
            if not self.opened:
                self.kept.append(record)
        return self.opened

    def open(self, logger: logging.Logger, summary: str = '') -> None:
        """Show a summary, then what was kept, and from now on everything.

        Args:
            logger (logging.Logger): Whose handler this filters.
            summary (str): Logged unless empty.
        """
        self.opened = True
        if summary:
            logger.info(summary)
        for record in self.kept:
            if record.levelno >= self.handler.level:
                self.handler.emit(record)  # its filters have seen it
        self.kept = []


@contextmanager
def warnings_go_to(log: Callable[[str], None]) -> Iterator[None]:
    """Hand Python's warnings to a log.

    Args:
        log (Callable): Takes the text, which tells the place.
    """
    before = warnings.showwarning

    def show(message: Any, category: type, filename: str, lineno: int,
             *_: Any) -> None:
        log(f'{message} ({filename}:{lineno})')

    warnings.showwarning = show  # type: ignore[assignment]
    try:
        yield
    finally:
        warnings.showwarning = before
