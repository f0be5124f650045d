"""Child processes: those a candidate leaves behind, and how those of others have ended."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def children_told() -> Iterator[None]:
    """Undo what a library does to ``SIGCHLD`` meanwhile.

    A Ray that ends what killed workers have started lets every process ignore the signal; then
    nobody can learn a child's exit status, and ``subprocess`` takes it for 0. Python's own
    functions see no handler that C code has set, and want the main thread.
    """
    if not hasattr(signal, "SIGCHLD"):  # no POSIX
        yield
        return
    get, put = ctypes.pythonapi.PyOS_getsig, ctypes.pythonapi.PyOS_setsig
    get.restype = put.restype = ctypes.c_void_p
    put.argtypes = [ctypes.c_int, ctypes.c_void_p]
    before = get(signal.SIGCHLD)
    try:
        yield
    finally:
        put(signal.SIGCHLD, before)


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
