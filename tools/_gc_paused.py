"""Imported first of all: no garbage collection until ``_cli`` is imported.

Imports make no garbage, but a hundred thousand objects, over which the
collector would walk again and again: a fifth of their time.
"""

import gc

gc.disable()
