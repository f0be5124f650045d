"""Ctrl-C in the midst of a search of this process."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

handles = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
"""For tests that interrupt: a signal that arrives between ``open`` and the ``with`` that it is for
leaves closing the file to the garbage collector; no code can prevent that."""


def interrupt_after(log: Path, lines: int) -> None:
    """Send SIGINT, from a thread of its own, once a file has so many lines."""

    def wait() -> None:
        while not log.exists() or len(log.read_text().splitlines()) < lines:
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=wait).start()
