"""What is loaded before a search begins is no garbage: nothing should look for any in it again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def settled_heap() -> Iterator[None]:
    """Leave all objects that exist now out of garbage collection meanwhile.

    PyTorch, Ray and the plugins are some hundred thousand of them, and a search makes so many
    short-lived ones that each is looked at again and again: a tenth of a cheap trial's cost.
    """
    if gc.get_freeze_count():  # somebody else has settled it, and unsettles it
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
