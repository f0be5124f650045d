"""Telling that something takes long, and why."""

from __future__ import annotations

import logging
from functools import cache

log = logging.getLogger(__name__)


@cache
def warn_of_slowness(why: str) -> None:
    """Log that samples are passed one by one; once for each reason and process."""
    log.warning("samples are passed one by one, which is right but slow: %s", why)
