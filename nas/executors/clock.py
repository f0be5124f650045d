"""The clock that real executors run by."""

from __future__ import annotations

import time

_BEGAN = time.time() - time.monotonic()


def unix_time() -> float:
    """Return the Unix time; setting the machine's clock meanwhile does not make it jump."""
    return _BEGAN + time.monotonic()
