"""Ctrl-C at any moment ends a search cleanly: at once while it waits, else after what it writes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Turns SIGINT and SIGTERM into ``KeyboardInterrupt`` where that loses nothing.

    Until ``begin``, that is everywhere. What is raised inside a library's callback never arrives,
    so it is raised once more at the next place that allows it.

    A signal that is ignored stays ignored: so starts what a script puts in the background. Outside
    the main thread Python delivers no signals, and this does nothing.
    """

    def __init__(self) -> None:
        self._requested = False
        self._safe, self._begun = True, False
        self._old: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            heard = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
            self._old = {number: signal.signal(number, self._on_signal) for number in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def begin(self) -> None:
        """From now on, there is something to lose."""
        self._safe, self._begun = False, True

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Mark where an interrupt may strike; one that came before strikes on entering."""
        self._safe = True
        try:
            if self._requested:
                raise KeyboardInterrupt
            yield
        finally:
            self._safe = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Mark where an interrupt must not strike inside of where it may; it strikes at the end."""
        before, self._safe = self._safe, False
        try:
            yield
        finally:
            self._safe = before
        if before and self._requested:
            raise KeyboardInterrupt

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._requested = True
        if self._safe:
            self._safe = not self._begun
            raise KeyboardInterrupt
