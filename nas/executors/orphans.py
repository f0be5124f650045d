"""Processes that a candidate has started and left behind."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path


def end_children() -> None:
    """Kill this process's children: what a trial has left behind. Costs nothing without any.

    Only where the whole process is a worker's: elsewhere they may be somebody else's children.
    """
    try:
        os.waitpid(-1, os.WNOHANG)
    except (ChildProcessError, AttributeError):  # none, or no POSIX
        return
    for child in _children():
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _children() -> list[int]:
    lists = Path("/proc/self/task").glob("*/children")
    return [int(child) for path in lists for child in path.read_text().split()]
