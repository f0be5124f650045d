"""Child processes: those a candidate leaves behind, and how those of others have ended."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER = 36, 37
"""Of Linux's prctl(2)."""


@contextmanager
def same_parent() -> Iterator[None]:
    """Undo what Ray does meanwhile to how this process is a parent.

    To end what killed workers have started, Ray lets every process, the driver too, ignore
    ``SIGCHLD`` and adopt orphans. Nobody there can learn a child's exit status then (``subprocess``
    takes it for 0), and other people's orphans, once dead, seem to live on.
    """
    if sys.platform != "linux":  # where Ray does no such thing
        yield
        return
    # Python's own functions see no handler that C code has set, and want the main thread
    get, put = ctypes.pythonapi.PyOS_getsig, ctypes.pythonapi.PyOS_setsig
    get.restype = put.restype = ctypes.c_void_p
    put.argtypes = [ctypes.c_int, ctypes.c_void_p]
    prctl = ctypes.CDLL(None).prctl
    adopts = ctypes.c_int()
    prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(adopts))
    handler = get(signal.SIGCHLD)
    try:
        yield
    finally:
        put(signal.SIGCHLD, handler)
        prctl(PR_SET_CHILD_SUBREAPER, adopts.value)


@contextmanager
def same_handlers() -> Iterator[None]:
    """Keep this process's handlers of ``SIGTERM`` and ``SIGINT``: Ray's exit at once."""
    if threading.current_thread() is not threading.main_thread():  # where none can be set
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if handler is not None:  # set by Python, that is
                signal.signal(number, handler)


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
