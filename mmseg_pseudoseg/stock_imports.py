"""Import MMSegmentation without what it says about parts nobody asked for."""

import io
import sys
import warnings
from contextlib import redirect_stdout

# The maintained MMSegmentation prints it, meaning to log it for debugging,
# where a commercial package of its makers is missing.
UNASKED = 'Could not import OneDL'


def import_mmseg() -> None:
    """Import what our modules need of MMSegmentation; keep its chatter out.

    Left out are the line about OneDL on stdout, twice in every start, and the
    warning of mmcv-lite that it is not mmcv. Everything else that is printed
    meanwhile is printed afterwards.
    """
    printed = io.StringIO()
    try:
        with warnings.catch_warnings(), redirect_stdout(printed):
            warnings.filterwarnings(
                'ignore', 'Fail to import ``MultiScaleDeformableAttention')
            import mmseg.datasets
            import mmseg.models  # noqa: F401
    finally:
        sys.stdout.writelines(
            line for line in printed.getvalue().splitlines(keepends=True)
            if line.strip() != UNASKED)
