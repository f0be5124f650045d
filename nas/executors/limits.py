"""How long a trial may take and how much memory it may use; what it exceeds ends it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from nas.errors import ConfigError, TimeLimitError


@dataclass(frozen=True)
class Limits:
    """What one trial may use; None is as much as there is.

    Args:
        timeout: seconds of wall time on the worker.
        memory: bytes that its process may allocate beyond what it had when the trial began.
    """

    timeout: float | None = None
    memory: int | None = None


def over_time(timeout: float) -> str:
    """Return what is said of a trial that took too long."""
    return f"it was still running after {timeout:g} seconds, the limit"


@contextmanager
def memory_limit(most: int | None) -> Iterator[None]:
    """Let allocations fail beyond ``most`` more bytes: a ``MemoryError``, not a dead machine.

    Private writable memory counts (Linux ``RLIMIT_DATA``), whether it is touched or not; children
    are limited likewise, each for itself. Memory of a GPU does not count: that has its own end.
    """
    if most is None:
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_private_bytes() + most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def check_limits(limits: Limits, *, inline: bool) -> None:
    """Raise ``ConfigError`` if a limit cannot be kept here."""
    if limits.memory is not None and not sys.platform.startswith("linux"):
        raise ConfigError("limits.memory needs Linux (RLIMIT_DATA); leave it out here")
    here = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    if limits.timeout is not None and inline and not here:
        raise ConfigError(
            "limits.timeout needs the main thread of a POSIX system with the executor inline; "
            'take run.executor = "ray"'
        )


def _private_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmData:"))
    return int(line.split()[1]) * 1024


@contextmanager
def alarm(seconds: float | None) -> Iterator[None]:
    """Raise ``TimeLimitError`` in this thread after ``seconds``, as soon as Python code runs again.

    And again every second, should it be caught. Only the main thread can be interrupted so.
    """
    if seconds is None:
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise TimeLimitError(over_time(seconds))

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
